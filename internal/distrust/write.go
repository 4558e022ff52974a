package distrust

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// hold opens the folder that name lies in, with no link on the way, and gives what is left of name.
func hold(root *os.Root, name string) (*os.Root, string, error) {
	dir, err := OpenDir(root, filepath.Dir(name))
	return dir, filepath.Base(name), err
}

// Write puts a new file with data in the place of whatever has the name: readers see the old one or the whole new one, and
// what was there is not written to, whatever it links to.
func Write(root *os.Root, name string, data []byte, perm fs.FileMode) error {
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
		err = dir.Rename(tmp, base)
	}
	if err != nil {
		_ = dir.Remove(tmp)
	}
	return err
}
