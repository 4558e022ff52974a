package workspace

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

const (
	// maxOutput bounds what git may say at once where all of it is wanted: more than the list of files of any repository.
	maxOutput = 256 << 20
	// maxListing bounds a list of which the beginning will do.
	maxListing = 16 << 20
	// maxComplaint bounds what is kept of what git says on standard error.
	maxComplaint = 64 << 10
	// maxOne bounds one item, such as a path or a subject, where git's output is taken item by item.
	maxOne = 8 << 10
)

var errTooLong = fmt.Errorf("git said more than %d MiB", maxOutput>>20)

// bounded keeps the beginning of what is written to it. What comes then is thrown away, or ends who writes it.
type bounded struct {
	kept bytes.Buffer // not embedded: io.Copy would read into it by itself, without any bound
	max  int
	ends bool
	more bool // there was more
}

func (b *bounded) Write(p []byte) (int, error) {
	room := max(b.max-b.kept.Len(), 0)
	if len(p) > room {
		b.more = true
		b.kept.Write(p[:room])
		if b.ends {
			return room, errTooLong
		}
		return len(p), nil
	}
	return b.kept.Write(p)
}

func (b *bounded) String() string { return b.kept.String() }

// gitEach runs git and gives f its output item by item as it comes, each without the NUL at its end: an agent decides how many there are, and
// how long one is. Of one that is longer than maxOne the beginning is given.
func gitEach(ctx context.Context, c call, f func(item string), args ...string) error {
	ctx, done, err := c.guarded(ctx)
	if err != nil {
		return err
	}
	defer done()
	cmd, full := c.command(ctx, args)
	items, stderr := splitter{f: f}, bounded{max: maxComplaint}
	cmd.Stdout, cmd.Stderr = &items, &stderr
	err = c.run(ctx, cmd)
	items.last()
	_, err = gitEnded(ctx, err, full, "", stderr.String())
	return err
}

// splitter takes text apart at each NUL.
type splitter struct {
	f    func(item string)
	item []byte
	some bool // an item has begun
}

func (s *splitter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part, rest, whole := bytes.Cut(p, []byte{0})
		s.item = append(s.item, part[:min(len(part), max(maxOne-len(s.item), 0))]...)
		s.some = true
		if whole {
			s.last()
		}
		p = rest
	}
	return n, nil
}

// last gives what came since the last one.
func (s *splitter) last() {
	if s.some {
		s.f(string(s.item))
	}
	s.item, s.some = s.item[:0], false
}

// gitHead is the beginning of what git says, and whether there was more.
func gitHead(ctx context.Context, c call, most int, args ...string) (head string, more bool, err error) {
	ctx, done, err := c.guarded(ctx)
	if err != nil {
		return "", false, err
	}
	defer done()
	cmd, full := c.command(ctx, args)
	out, stderr := bounded{max: most, ends: true}, bounded{max: maxComplaint}
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err = c.run(ctx, cmd)
	if c.told != nil {
		*c.told = stderr.String()
	}
	if out.more && ctx.Err() == nil {
		return out.String(), true, nil
	}
	head, err = gitEnded(ctx, err, full, out.String(), stderr.String())
	return head, false, err
}

// gitList is the beginning of a list of git's whose items end with NUL, and whether there was more.
func gitList(ctx context.Context, c call, args ...string) (items []string, more bool, err error) {
	out, more, err := gitHead(ctx, c, maxListing, args...)
	return nul(out[:strings.LastIndexByte(out, 0)+1]), more, err
}
