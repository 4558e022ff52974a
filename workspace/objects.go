package workspace

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// What one object may be at most. Git reads commits, tags and trees as a whole.
const (
	maxCommit = 16 << 20
	maxTree   = 16 << 20
	maxBlob   = 8 << 30
)

// object is what git says of one.
type object struct {
	id   string
	kind string // commit, tree, blob, tag; "" when it is missing
	size int64
}

// fits reports an object that is too large to be let near the host's git.
func (o object) fits() error {
	most := int64(maxCommit)
	switch o.kind {
	case "tree":
		most = maxTree
	case "blob":
		most = maxBlob
	case "":
		return fmt.Errorf("the object %.12s is missing", o.id)
	}
	if o.size > most {
		return limitError(fmt.Sprintf("the %s %.12s unpacks to %d MB, more than %d MB", o.kind, o.id, o.size>>20, most>>20))
	}
	return nil
}

// objects asks one git about many objects.
type objects struct {
	ctx    context.Context //nolint:containedctx // of the process
	cancel func()
	cmd    *exec.Cmd
	in     *bufio.Writer
	out    *bufio.Reader
	stderr bounded
}

// openObjects starts a git that reads the agent's objects and the host's.
func (p *Private) openObjects(ctx context.Context) (*objects, error) {
	o := &objects{stderr: bounded{max: maxComplaint}}
	o.ctx, o.cancel = context.WithCancel(ctx)
	if err := o.open(p.foreign()); err != nil {
		o.cancel()
		return nil, err
	}
	return o, nil
}

func (o *objects) open(c call) error {
	cmd, _ := c.command(o.ctx, []string{"cat-file", "--batch-command"})
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = &o.stderr
	o.cmd, o.in, o.out = cmd, bufio.NewWriter(in), bufio.NewReader(out)
	return c.start(cmd)
}

// foreign is git in the trusted repository, where the agent's objects are.
func (p *Private) foreign() call {
	return call{dir: p.trusted(), env: []string{"GIT_DIR=" + p.trusted()}, foreign: true}
}

// lending is git that has the host's objects alone, and asks no server of a partial clone for what an agent names.
func (p *Private) lending() call {
	c := p.foreign()
	c.env = append(c.env, "GIT_OBJECT_DIRECTORY="+filepath.Join(p.repo.CommonDir, "objects"))
	return c
}

func (o *objects) close() {
	o.cancel()
	_ = o.cmd.Wait()
}

// failed says why git does not answer.
func (o *objects) failed(err error) error {
	if o.ctx.Err() != nil {
		return context.Cause(o.ctx)
	}
	o.cancel()
	_ = o.cmd.Wait()
	return &GitError{Args: []string{"cat-file"}, ExitCode: o.cmd.ProcessState.ExitCode(), Stderr: cmp.Or(o.stderr.String(), err.Error())}
}

// atOnce is how many objects are asked for before the answers are read: both fit into a pipe.
const atOnce = 200

// info tells of objects by name.
func (o *objects) info(names ...string) ([]object, error) {
	var all []object
	for len(names) > 0 {
		some := names[:min(len(names), atOnce)]
		names = names[len(some):]
		for _, name := range some {
			_, _ = o.in.WriteString("info " + name + "\n") // Flush has the error
		}
		if err := o.in.Flush(); err != nil {
			return nil, o.failed(err)
		}
		for _, name := range some {
			one, err := o.header(name)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// header reads what git says of one object.
func (o *objects) header(name string) (object, error) {
	line, err := o.out.ReadString('\n')
	if err != nil {
		return object{}, o.failed(err)
	}
	f := strings.Fields(line)
	if len(f) != 3 {
		return object{id: name}, nil
	}
	size, err := strconv.ParseInt(f[2], 10, 64)
	return object{id: f[0], kind: f[1], size: size}, err
}

// entry is one of a tree.
type entry struct {
	name, id string
	kind     byte // one of dirEntry, linkEntry, fileEntry
	link     bool // a file that is a symbolic link
}

const (
	fileEntry = iota
	dirEntry
	linkEntry // a submodule's commit
)

// tree reads a tree, or the one of a commit or a tag.
func (o *objects) tree(name string) (id string, entries []entry, err error) {
	one, err := o.info(name + "^{tree}")
	if err != nil {
		return "", nil, err
	}
	if one[0].kind != "tree" {
		return "", nil, fmt.Errorf("the tree of %.12s is missing", name)
	}
	if err := one[0].fits(); err != nil {
		return "", nil, err
	}
	id = one[0].id
	_, _ = o.in.WriteString("contents " + id + "\n")
	if err := o.in.Flush(); err != nil {
		return "", nil, o.failed(err)
	}
	head, err := o.header(id)
	if err == nil && (head.kind != "tree" || head.fits() != nil) {
		err = fmt.Errorf("the tree %.12s cannot be read", id)
	}
	if err != nil {
		return "", nil, err
	}
	raw := make([]byte, head.size+1) // a line's end follows
	if _, err := io.ReadFull(o.out, raw); err != nil {
		return "", nil, o.failed(err)
	}
	entries, err = parseTree(raw[:head.size], len(id)/2)
	return id, entries, err
}

// parseTree reads a tree's content: mode, space, name, NUL, and the id in bytes.
func parseTree(raw []byte, idLen int) ([]entry, error) {
	var all []entry
	for len(raw) > 0 {
		mode, rest, ok := bytes.Cut(raw, []byte{' '})
		name, rest, ok2 := bytes.Cut(rest, []byte{0})
		if !ok || !ok2 || len(rest) < idLen {
			return nil, errors.New("a tree is broken")
		}
		e := entry{name: string(name), id: fmt.Sprintf("%x", rest[:idLen])}
		m, err := strconv.ParseUint(string(mode), 8, 32)
		if err != nil {
			return nil, errors.New("a tree is broken")
		}
		switch m & 0o170000 {
		case 0o100000:
		case 0o120000:
			e.link = true
		case 0o040000:
			e.kind = dirEntry
		default: // as git reads it
			e.kind = linkEntry
		}
		all, raw = append(all, e), rest[idLen:]
	}
	return all, nil
}
