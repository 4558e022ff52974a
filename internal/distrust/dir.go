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
	left := max
	err := walk(ctx, root, name, &left, visit)
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

func walk(ctx context.Context, root *os.Root, name string, left *int, visit func(string, fs.DirEntry) error) error {
	entries, err := ReadDir(ctx, root, name, *left)
	if err != nil {
		return err
	}
	*left -= len(entries)
	for _, e := range entries {
		path := filepath.Join(name, e.Name())
		err := visit(path, e)
		if err == nil && e.IsDir() {
			if err = walk(ctx, root, path, left, visit); errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
		if err != nil && !errors.Is(err, fs.SkipDir) {
			return err
		}
	}
	return nil
}
