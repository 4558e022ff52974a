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

// IncludeFile is the name of the list of files that Include copies.
const IncludeFile = includeFile

// Include copies what includeFile names from the checkout the Repo was opened from into the worktree at dst, and tells what it copied. It
// never replaces a file and, by os.Root, never writes outside of dst. An agent may work in both checkouts.
func (r *Repo) Include(ctx context.Context, dst string) (copied []string, err error) {
	names, err := r.included(ctx)
	if err != nil || len(names) == 0 || dst == r.From {
		return nil, err
	}
	from, err := os.OpenRoot(r.From)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	to, err := os.OpenRoot(dst)
	if err != nil {
		return nil, err
	}
	defer to.Close()
	for _, name := range names {
		made, err := copyInto(ctx, from, to, name)
		if err != nil {
			return copied, fmt.Errorf("copy what %s names: %w", includeFile, err)
		}
		if made {
			copied = append(copied, name)
		}
	}
	return copied, nil
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

// copyInto copies a file or a link, and tells whether it made one: what is there stays.
func copyInto(ctx context.Context, from, to *os.Root, name string) (made bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, context.Cause(ctx)
	}
	fi, err := from.Lstat(name)
	if err != nil {
		return false, err
	}
	if err := to.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return false, err
	}
	switch {
	case fi.Mode()&fs.ModeSymlink != 0:
		target, err := from.Readlink(name)
		if err == nil {
			err = to.Symlink(target, name)
		}
		return err == nil, notExists(err)
	case !fi.Mode().IsRegular():
		return false, nil
	}
	src, err := distrust.Open(from, name)
	if err != nil {
		return false, err
	}
	defer src.Close()
	if err := distrust.Solid(src, name); err != nil {
		return false, err
	}
	f, err := to.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fi.Mode().Perm())
	if err != nil {
		return false, notExists(err)
	}
	_, err = io.Copy(f, src)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = to.Remove(name) // a part of it would stay for good
	}
	return err == nil, err
}

// notExists forgives a file that is there already.
func notExists(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
