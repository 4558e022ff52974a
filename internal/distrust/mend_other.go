//go:build !linux

package distrust

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Reach gives the caller all rights on the folder name itself, and no other.
func Reach(_ context.Context, root *os.Root, name string) error {
	fi, err := lookAt(root, name)
	if err == nil && fi.Mode().Perm()&0o700 != 0o700 {
		err = root.Chmod(name, fi.Mode().Perm()|0o700)
	}
	return err
}

// Mend gives the caller all rights on name, which is a folder, and on those below it, so that RemoveAll will not fail; it
// deletes nothing. One that is gone is no error.
func Mend(ctx context.Context, root *os.Root, name string) error {
	fi, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !fi.IsDir() {
		return nil
	}
	if err == nil && fi.Mode().Perm()&0o700 != 0o700 {
		err = root.Chmod(name, fi.Mode().Perm()|0o700)
	}
	if err != nil {
		return err
	}
	entries, err := ReadDir(ctx, root, name, 1<<30)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := Mend(ctx, root, filepath.Join(name, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
