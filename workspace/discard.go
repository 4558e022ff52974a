package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/system"
)

// Owner gives the folders at and below a folder to the user. What an agent made may be somebody else's, whom only the engine can
// overrule.
type Owner func(ctx context.Context, dir string) error

// Delete deletes a folder where an agent can write: it follows no link there, and mends permissions as it goes. What the user may
// not delete, own gives to the user first; own may be nil.
func Delete(ctx context.Context, dir string, own Owner) error {
	return changing(ctx, dir, own, distrust.RemoveAll)
}

// Deletable does of Delete what may fail, and deletes nothing.
func Deletable(ctx context.Context, dir string, own Owner) error {
	if err := changing(ctx, dir, own, distrust.Mend); err != nil {
		return err
	}
	if _, err := os.Lstat(dir); err != nil {
		return nil
	}
	if parent := filepath.Dir(dir); !system.Writable(parent) {
		return fmt.Errorf("delete %s: %s is not writable: %w", dir, parent, fs.ErrPermission)
	}
	return nil
}

// Reach gives the user all rights on a folder itself, which an agent can have taken away. One that is not there is no error.
func Reach(ctx context.Context, dir string, own Owner) error {
	err := changing(ctx, dir, own, distrust.Reach)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func changing(ctx context.Context, dir string, own Owner, change func(context.Context, *os.Root, string) error) error {
	root, err := os.OpenRoot(filepath.Dir(dir))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // whoever makes it says what is in the way
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	err = change(ctx, root, filepath.Base(dir))
	if errors.Is(err, fs.ErrPermission) && own != nil {
		if why := own(ctx, dir); why != nil {
			return fmt.Errorf("%s holds what is not yours, and it cannot be made yours: %w; delete it as an administrator, or give it to yourself (chown -R), and try again", dir, errors.Join(err, why))
		}
		err = change(ctx, root, filepath.Base(dir))
	}
	if err != nil {
		return fmt.Errorf("change %s: %w", dir, err)
	}
	return nil
}
