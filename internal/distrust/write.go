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
	return write(root, name, data, perm, func(*os.File) error { return nil })
}

// WriteFor is Write of a file that another user is to own.
func WriteFor(root *os.Root, name string, data []byte, perm fs.FileMode, uid, gid int) error {
	return write(root, name, data, perm, func(f *os.File) error { return f.Chown(uid, gid) })
}

// write gives the new file to own before it has its name. By the name it could be another's.
func write(root *os.Root, name string, data []byte, perm fs.FileMode, own func(*os.File) error) error {
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
	if err = errors.Join(err, own(f), f.Close()); err == nil {
		err = dir.Rename(tmp, base)
	}
	if err != nil {
		_ = dir.Remove(tmp)
	}
	return err
}
