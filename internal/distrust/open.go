// Package distrust reads and writes in folders that an agent can write to: nothing there may lead out of the folder, hang
// the reader, or be larger than said.
package distrust

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// Open opens a file that must be a plain one inside root: not a link, not a FIFO to hang on.
func Open(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|system.NonBlock|system.NoFollow, 0)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Read reads a plain file of at most max bytes.
func Read(root *os.Root, name string, max int64) ([]byte, error) {
	f, err := Open(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(b)) > max {
		err = fmt.Errorf("%s is larger than %d bytes", name, max)
	}
	return b, err
}
