package distrust

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// deepest is how many folders are held at once. What lies deeper is moved up first: an agent can nest folders deeper than a
// process can hold open, and deeper than a path can be long.
const deepest = 64

// RemoveAll deletes name and all that is below it. It follows no link and leaves what another file system is mounted on. A
// folder that its owner may not change is made changeable first. One that is gone already is no error.
func RemoveAll(ctx context.Context, root *os.Root, name string) error {
	dir, err := openBeneath(root, filepath.Dir(name), dirFlags)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &st); err != nil {
		return err
	}
	r := remover{ctx: ctx, dev: st.Dev}
	return r.remove(dir, filepath.Base(name), name)
}

type remover struct {
	ctx  context.Context
	dev  uint64
	held []*os.File // the folders on the way down
}

// remove deletes base, which lies in dir. path is for errors.
func (r *remover) remove(dir *os.File, base, path string) error {
	err := unix.Unlinkat(int(dir.Fd()), base, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) {
		return &fs.PathError{Op: "delete", Path: path, Err: err}
	}
	f, openErr := r.open(dir, base, path)
	if errors.Is(openErr, unix.ENOTDIR) || errors.Is(openErr, unix.ELOOP) {
		return &fs.PathError{Op: "delete", Path: path, Err: err}
	}
	if openErr != nil {
		return openErr
	}
	r.held = append(r.held, f)
	err = r.empty(f, path)
	r.held = r.held[:len(r.held)-1]
	_ = f.Close()
	if err != nil {
		return err
	}
	if err := unix.Unlinkat(int(dir.Fd()), base, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "delete", Path: path, Err: err}
	}
	return nil
}

// open opens a folder to empty it.
func (r *remover) open(dir *os.File, base, path string) (*os.File, error) {
	f, err := openAt(dir, base, pathFlags|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nil, err
	}
	if st.Dev != r.dev {
		return nil, &fs.PathError{Op: "delete", Path: path, Err: errors.New("something is mounted there; unmount it first")}
	}
	if err := allRights(f, st); err != nil && !errors.Is(err, unix.EPERM) {
		return nil, &fs.PathError{Op: "chmod", Path: path, Err: err}
	}
	fd, err := unix.Open(f.Name(), dirFlags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), held(fd)), nil
}

// empty deletes what a folder holds, as far as it can, and gives the first error.
func (r *remover) empty(f *os.File, path string) (first error) {
	for {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		names, err := f.Readdirnames(batch)
		if len(names) == 0 && err != nil {
			return first
		}
		gone := 0
		for _, name := range names {
			err := r.child(f, name, filepath.Join(path, name))
			if err == nil {
				gone++
			} else if first == nil {
				first = err
			}
		}
		if gone == 0 {
			return first
		}
		if _, err := f.Seek(0, 0); err != nil { // a folder that changed is listed anew
			return errors.Join(first, err)
		}
		if first != nil {
			return first
		}
	}
}

func (r *remover) child(f *os.File, name, path string) error {
	if len(r.held) < deepest {
		return r.remove(f, name, path)
	}
	err := unix.Unlinkat(int(f.Fd()), name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if unix.Unlinkat(int(f.Fd()), name, unix.AT_REMOVEDIR) == nil {
		return nil
	}
	top := r.held[0]
	if err := unix.Renameat(int(f.Fd()), name, int(top.Fd()), "hjk-ls-deep-"+rand.Text()); err != nil {
		return &fs.PathError{Op: "delete", Path: path, Err: fmt.Errorf("move up what lies deep: %w", err)}
	}
	return nil
}
