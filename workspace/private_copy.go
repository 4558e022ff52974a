package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/system"
)

// limitError is what an agent has too much of. It stays so until the agent changes something.
type limitError string

func (e limitError) Error() string { return string(e) }

var (
	errTooMany     = errors.New("too many names in a folder")
	errObjectBytes = limitError(fmt.Sprintf("the agent's objects are more than %d GiB; git gc in the container may make them less", maxObjectBytes>>30))
	errLFSBytes    = limitError(fmt.Sprintf("the agent's git-lfs files are more than %d GiB", maxObjectBytes>>30))
)

// listing lists a folder of the agent's, or gives errTooMany. What is none is empty; one that cannot be read is an error: what it
// holds is not gone.
func listing(ctx context.Context, root *os.Root, dir string, max int) ([]fs.DirEntry, error) {
	all, err := distrust.ReadDir(ctx, root, dir, max)
	switch {
	case errors.Is(err, distrust.ErrTooMany):
		return nil, errTooMany
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && !isTransient(err):
		return nil, nil
	}
	return all, err
}

// names are those of a listing.
func names(ctx context.Context, root *os.Root, dir string, max int) (all []string, err error) {
	entries, err := listing(ctx, root, dir, max)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all, err
}

// ownNames lists a folder of ours.
func ownNames(root *os.Root, dir string) []string {
	d, err := root.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	all, err := d.Readdirnames(-1)
	if err != nil {
		return nil
	}
	return all
}

// partSuffix is that of a file whose copy is not whole yet.
const partSuffix = ".tmp"

// copying copies files of the agent's that are not to change, such as objects.
type copying struct {
	src, dst *os.Root
	left     int64 // bytes that all files may hold together
	limit    error // is what it means when they hold more
}

// file copies a plain file unless dst has it as it is. One that is gone by now, or is no plain file, is passed over. Holes stay
// holes. A copy that is cut off is gone on with by the next one.
func (c *copying) file(ctx context.Context, from, to string) error {
	in, err := distrust.Open(c.src, from)
	if err != nil {
		return nil //nolint:nilerr // if it was needed, git says so
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return err
	}
	if fi.Size() > maxObjectFile {
		return limitError(fmt.Sprintf("%s claims to be larger than %d GiB", from, int64(maxObjectFile)>>30))
	}
	if same(c.dst, to, fi) {
		return c.count(in, fi.Size())
	}
	if err := c.dst.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	if err := c.fill(ctx, in, fi, to+partSuffix); err != nil {
		return err
	}
	return c.dst.Rename(to+partSuffix, to)
}

// count takes from the budget what a file holds.
func (c *copying) count(in *os.File, size int64) error {
	if size <= 1<<20 { // not worth a look for holes
		c.left -= size
	} else {
		for at := int64(0); c.left >= 0; {
			begin, end, err := system.NextData(in, at, size)
			if err != nil {
				break
			}
			c.left -= end - begin
			at = end
		}
	}
	if c.left < 0 {
		return c.limit
	}
	return nil
}

// same reports whether dst has a copy of what fi tells of.
func same(dst *os.Root, name string, fi fs.FileInfo) bool {
	have, err := dst.Lstat(name)
	return err == nil && have.Size() == fi.Size() && have.ModTime().Equal(fi.ModTime())
}

// fill writes a file's copy, or goes on with one: a part bears the time of what it is a part of.
func (c *copying) fill(ctx context.Context, in *os.File, fi fs.FileInfo, part string) (err error) {
	out, err := c.dst.OpenFile(part, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, out.Close(), c.dst.Chtimes(part, fi.ModTime(), fi.ModTime()))
		if err != nil && ctx.Err() == nil {
			_ = c.dst.Remove(part)
		}
	}()
	old, err := out.Stat()
	if err != nil {
		return err
	}
	at := int64(0)
	if old.ModTime().Equal(fi.ModTime()) && old.Size() < fi.Size() {
		at = old.Size()
	} else if err := out.Truncate(0); err != nil {
		return err
	}
	return fillData(ctx, out, in, at, fi.Size(), func(n int64) error {
		if c.left -= n; c.left < 0 {
			return c.limit
		}
		return nil
	})
}

// fillData writes what a file holds from an offset on, and leaves its holes out. Each stretch is asked for before it is read.
func fillData(ctx context.Context, out, in *os.File, at, size int64, ask func(int64) error) error {
	for {
		begin, end, err := system.NextData(in, at, size)
		if errors.Is(err, io.EOF) {
			return out.Truncate(size)
		}
		if err == nil {
			err = ask(end - begin)
		}
		if err == nil {
			_, err = out.Seek(begin, io.SeekStart)
		}
		if err == nil {
			_, err = io.Copy(out, &ctxReader{ctx, io.NewSectionReader(in, begin, end-begin)})
		}
		if err != nil {
			return err
		}
		at = end
	}
}

// ctxReader ends with its context.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // it is that of the one call that reads
	r   io.Reader
}

func (r *ctxReader) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(b)
}
