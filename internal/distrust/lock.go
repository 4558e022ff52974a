package distrust

import (
	"bytes"
	"errors"
	"io/fs"
	"os"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// Locks are those of git: NAME.lock stands beside NAME while somebody writes it. Ours are hard links to a mark, so that who
// comes after a killed process knows them from the agent's. In one folder one process at a time takes them.

// Mark is the file that locks taken with Lock are links to.
const Mark = "hjk-ls.mark"

// fresh is what a file is written to before it gets its name.
func fresh(name string) string { return name + ".hjk-ls" }

// SetMark makes the mark.
func SetMark(root *os.Root) error {
	_ = root.Remove(Mark)
	return create(root, Mark, nil)
}

// Lock takes the lock on a name. It is an fs.ErrExist when somebody has it.
func Lock(root *os.Root, name string) error { return take(root, Mark, name+".lock", nil) }

// Unlock removes the lock on a name if it is one of Lock's.
func Unlock(root *os.Root, name string) { dropLink(root, Mark, name+".lock") }

// Replace puts a new file in the place of whatever has the name, without following it. It is an fs.ErrExist when somebody has
// the lock, or when the content is not old any more; old is nil when it does not matter.
func Replace(root *os.Root, name string, old, data []byte) error {
	Recover(root, name)
	if err := create(root, fresh(name), data); err != nil {
		return err
	}
	defer func() { _ = root.Remove(fresh(name)) }()
	lock := name + ".lock"
	if err := take(root, fresh(name), lock, data); err != nil {
		return err
	}
	err := unchanged(root, name, old)
	if err == nil {
		err = root.Rename(lock, name)
	}
	if err != nil {
		_ = root.Remove(lock)
	}
	return err
}

// Recover removes what a killed Replace left, its lock too.
func Recover(root *os.Root, name string) {
	dropLink(root, fresh(name), name+".lock")
	_ = root.Remove(fresh(name))
}

func unchanged(root *os.Root, name string, old []byte) error {
	if old == nil {
		return nil
	}
	now, err := Read(root, name, int64(len(old)))
	if err == nil && !bytes.Equal(now, old) || err != nil {
		return errors.Join(fs.ErrExist, err)
	}
	return nil
}

// take makes a lock. Where the file system has no links it is a plain file, which a kill leaves for good.
func take(root *os.Root, mark, lock string, data []byte) error {
	err := root.Link(mark, lock)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return create(root, lock, data)
}

func create(root *os.Root, name string, data []byte) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|system.NoFollow, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = root.Remove(name)
	}
	return err
}

func dropLink(root *os.Root, mark, lock string) {
	mine, err := root.Lstat(mark)
	if err != nil {
		return
	}
	if fi, err := root.Lstat(lock); err == nil && os.SameFile(mine, fi) {
		_ = root.Remove(lock)
	}
}
