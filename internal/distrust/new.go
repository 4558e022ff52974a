package distrust

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// New makes a file that was not there: whole, or not at all. What has the name already is left alone, and is fs.ErrExist.
func New(root *os.Root, name string, data []byte, perm fs.FileMode) error {
	dir, base, err := hold(root, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	tmp := base + "." + rand.Text()
	f, err := dir.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY|system.NoFollow, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = dir.Link(tmp, base) // unlike a rename it replaces nothing
	}
	return errors.Join(err, dir.Remove(tmp))
}
