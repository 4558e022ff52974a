package workspace

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// includeFile names untracked files that work needs in every worktree, such as .env, in gitignore syntax.
const includeFile = ".worktreeinclude"

// include copies what includeFile names from the checkout the Repo was opened from into the worktree at dst. It never
// replaces a file and, by os.Root, never writes outside of dst.
func (r *Repo) include(ctx context.Context, dst string) error {
	list := filepath.Join(r.From, includeFile)
	if _, err := os.Stat(list); err != nil {
		return nil
	}
	out, err := git(ctx, r.From, "ls-files", "--others", "--ignored", "-z", "--exclude-from="+list)
	if err != nil {
		return err
	}
	from, err := os.OpenRoot(r.From)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenRoot(dst)
	if err != nil {
		return err
	}
	defer to.Close()
	for _, name := range nul(out) {
		if err := copyInto(from, to, name); err != nil {
			return err
		}
	}
	return nil
}

func copyInto(from, to *os.Root, name string) error {
	if err := to.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	fi, err := from.Lstat(name)
	if err != nil {
		return err
	}
	switch {
	case fi.Mode()&fs.ModeSymlink != 0:
		target, err := from.Readlink(name)
		if err == nil {
			err = to.Symlink(target, name)
		}
		return notExists(err)
	case !fi.Mode().IsRegular():
		return nil
	}
	src, err := from.Open(name)
	if err != nil {
		return err
	}
	defer src.Close()
	f, err := to.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fi.Mode().Perm())
	if err != nil {
		return notExists(err)
	}
	_, err = io.Copy(f, src)
	return errors.Join(err, f.Close())
}

// notExists forgives a file that is there already.
func notExists(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
