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
	all, _, err := list(ctx, f, name, max, nil)
	return all, err
}

// mostHeld bounds the entries of a folder that are held in memory where many more may be looked through.
const mostHeld = 1 << 20

// list lists a folder that is open, and tells how many entries were read. want, unless it is nil, tells of an entry that is no folder
// whether it is kept.
func list(ctx context.Context, f *os.File, name string, max int, want func(fs.DirEntry) bool) (all []fs.DirEntry, read int, err error) {
	for err == nil {
		if err = ctx.Err(); err != nil {
			return nil, read, err
		}
		var some []fs.DirEntry
		some, err = f.ReadDir(batch)
		read += len(some)
		if want != nil {
			some = slices.DeleteFunc(some, func(e fs.DirEntry) bool { return !e.IsDir() && !want(e) })
		}
		all = append(all, some...)
		if read > max || want != nil && len(all) > mostHeld {
			all, err = all[:min(len(all), max)], &fs.PathError{Op: "list", Path: name, Err: ErrTooMany}
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all, read, err
}

// Walk calls visit for everything below a folder of root, which itself is left out: a folder before what it holds, paths
// relative to root. It follows no link and ends with ErrTooMany after max entries. visit may return fs.SkipDir for a folder
// and fs.SkipAll; what is gone meanwhile is left out.
func Walk(ctx context.Context, root *os.Root, name string, max int, visit func(path string, e fs.DirEntry) error) error {
	return walker{root: root, left: &max, visit: visit, leave: func(err error) bool { return errors.Is(err, fs.ErrNotExist) }}.run(ctx, name)
}

// WalkReadable is Walk that leaves out the folders below that cannot be read, as git does: what an agent puts behind one must be
// found all the same. It visits all folders, and of other entries those alone that are wanted; no others are held in memory.
func WalkReadable(ctx context.Context, root *os.Root, name string, max int, want func(fs.DirEntry) bool, visit func(path string, e fs.DirEntry) error) error {
	return walker{root: root, left: &max, want: want, visit: visit, leave: func(error) bool { return true }}.run(ctx, name)
}

type walker struct {
	root  *os.Root
	left  *int
	want  func(fs.DirEntry) bool // nil for all
	visit func(path string, e fs.DirEntry) error
	leave func(error) bool // whether a folder is left out because of an error
}

func (w walker) run(ctx context.Context, name string) error {
	entries, err := w.list(ctx, name)
	if err == nil {
		err = w.walk(ctx, name, entries)
	}
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

func (w walker) list(ctx context.Context, name string) ([]fs.DirEntry, error) {
	f, err := openBeneath(w.root, name, dirFlags)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, read, err := list(ctx, f, name, *w.left, w.want)
	*w.left -= read
	return entries, err
}

func (w walker) walk(ctx context.Context, name string, entries []fs.DirEntry) error {
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

func (w walker) folder(ctx context.Context, path string) error {
	entries, err := w.list(ctx, path)
	switch {
	case err == nil:
		return w.walk(ctx, path, entries)
	case ctx.Err() == nil && !errors.Is(err, ErrTooMany) && w.leave(err):
		return nil
	}
	return err
}
