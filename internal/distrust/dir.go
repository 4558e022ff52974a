package distrust

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// batch is how many entries of a folder are read at a time.
const batch = 1024

// ReadDir lists a folder below root, sorted by name. More than max entries are ErrTooMany, with the first max of them. Of an
// entry only Name and Type may be asked: its Info would be looked up by path.
func ReadDir(ctx context.Context, root *os.Root, name string, max int) ([]fs.DirEntry, error) {
	f, err := openBeneath(root, name, dirFlags)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return list(ctx, f, name, max)
}

func list(ctx context.Context, f *os.File, name string, max int) (all []fs.DirEntry, err error) {
	for err == nil {
		if err = ctx.Err(); err != nil {
			return nil, err
		}
		var some []fs.DirEntry
		some, err = f.ReadDir(batch)
		all = append(all, some...)
		if len(all) > max {
			all, err = all[:max], &fs.PathError{Op: "list", Path: name, Err: ErrTooMany}
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all, err
}

// Walk calls visit for everything below a folder of root, which itself is left out: a folder before what it holds, paths
// relative to root. It follows no link and ends with ErrTooMany after max entries. visit may return fs.SkipDir for a folder
// and fs.SkipAll; what is gone meanwhile is left out.
func Walk(ctx context.Context, root *os.Root, name string, max int, visit func(path string, e fs.DirEntry) error) error {
	return walk(ctx, root, name, max, visit, func(err error) bool { return errors.Is(err, fs.ErrNotExist) })
}

// WalkReadable is Walk that leaves out the folders below that cannot be read, as git does: what an agent puts behind one must be
// found all the same.
func WalkReadable(ctx context.Context, root *os.Root, name string, max int, visit func(path string, e fs.DirEntry) error) error {
	return walk(ctx, root, name, max, visit, func(error) bool { return true })
}

func walk(ctx context.Context, root *os.Root, name string, max int, visit func(string, fs.DirEntry) error, leave func(error) bool) error {
	w := walker{root: root, left: max, visit: visit, leave: leave}
	entries, err := w.list(ctx, name)
	if err == nil {
		err = w.walk(ctx, name, entries)
	}
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

type walker struct {
	root  *os.Root
	left  int
	visit func(path string, e fs.DirEntry) error
	leave func(error) bool // whether a folder is left out because of an error
}

func (w *walker) list(ctx context.Context, name string) ([]fs.DirEntry, error) {
	entries, err := ReadDir(ctx, w.root, name, w.left)
	w.left -= len(entries)
	return entries, err
}

func (w *walker) walk(ctx context.Context, name string, entries []fs.DirEntry) error {
	for _, e := range entries {
		path := filepath.Join(name, e.Name())
		err := w.visit(path, e)
		if err == nil && e.IsDir() {
			err = w.folder(ctx, path)
		}
		if err != nil && !errors.Is(err, fs.SkipDir) {
			return err
		}
	}
	return nil
}

func (w *walker) folder(ctx context.Context, path string) error {
	entries, err := w.list(ctx, path)
	switch {
	case err == nil:
		return w.walk(ctx, path, entries)
	case ctx.Err() == nil && !errors.Is(err, ErrTooMany) && w.leave(err):
		return nil
	}
	return err
}
