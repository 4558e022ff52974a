package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// includeFile names untracked files that work needs in every worktree, such as .env, in gitignore syntax.
const includeFile = ".worktreeinclude"

// maxInclude bounds it.
const maxInclude = 1 << 20

// include copies what includeFile names from the checkout the Repo was opened from into the worktree at dst. It never
// replaces a file and, by os.Root, never writes outside of dst. An agent may work in the checkout it copies from.
func (r *Repo) include(ctx context.Context, dst string) error {
	names, err := r.included(ctx)
	if err != nil || len(names) == 0 {
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
	for _, name := range names {
		if err := copyInto(ctx, from, to, name); err != nil {
			return fmt.Errorf("copy what %s names: %w", includeFile, err)
		}
	}
	return nil
}

// included are the files that includeFile names. git is given a copy of it: at a file that is replaced by a FIFO meanwhile it
// would wait.
func (r *Repo) included(ctx context.Context) ([]string, error) {
	patterns, err := distrust.File(filepath.Join(r.From, includeFile), maxInclude)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := patternFile(patterns)
	if err != nil {
		return nil, err
	}
	defer os.Remove(list)
	out, err := git(ctx, r.From, "ls-files", "--others", "--ignored", "-z", "--exclude-from="+list)
	return nul(out), err
}

func copyInto(ctx context.Context, from, to *os.Root, name string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	fi, err := from.Lstat(name)
	if err != nil {
		return err
	}
	if err := to.MkdirAll(filepath.Dir(name), 0o755); err != nil {
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
	src, err := distrust.Open(from, name)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := distrust.Solid(src, name); err != nil {
		return err
	}
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
