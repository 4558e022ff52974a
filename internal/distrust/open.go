package distrust

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// Errors that callers tell apart. A file that is not what was asked for wraps one of them in an fs.PathError.
var (
	ErrNotRegular = errors.New("not a regular file")
	ErrTooLarge   = errors.New("it is larger than allowed")
	ErrTooMany    = errors.New("it holds more entries than allowed")
	ErrHollow     = errors.New("it consists of holes, which a copy would fill")
	ErrMoved      = errors.New("it was replaced while it was looked at")
	// ErrSocket is ErrNotRegular of a socket, which has nothing to be read.
	ErrSocket = fmt.Errorf("it is a socket, %w", ErrNotRegular)
)

// Open opens a regular file below root for reading. No part of name may be a link. Open never waits: what is a FIFO, a device
// or a socket is ErrNotRegular.
func Open(root *os.Root, name string) (*os.File, error) {
	f, err := openBeneath(root, name, os.O_RDONLY)
	return regular(name, f, err)
}

// Follow is Open for files that may be reached through links. os.Root keeps the links inside root and refuses absolute ones.
func Follow(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|system.NonBlock, 0)
	return regular(name, f, err)
}

// regular lets only regular files pass. The check is after opening, on what is open: a name may be another file's by now.
func regular(name string, f *os.File, err error) (*os.File, error) {
	if errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.EOPNOTSUPP) { // Linux, and BSD with macOS
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrSocket}
	}
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = notRegular(name, fi.Mode())
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// notRegular says what stands where a regular file was looked for.
func notRegular(name string, mode fs.FileMode) error {
	what := "a device"
	switch {
	case mode.IsDir():
		what = "a directory"
	case mode&fs.ModeSymlink != 0:
		what = "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		what = "a FIFO"
	}
	return &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("it is %s, %w", what, ErrNotRegular)}
}

// Read reads a file that Open would open, of at most max bytes.
func Read(root *os.Root, name string, max int64) ([]byte, error) {
	f, err := Open(root, name)
	return readAll(name, f, err, max)
}

// ReadFollow reads a file that Follow would open, of at most max bytes.
func ReadFollow(root *os.Root, name string, max int64) ([]byte, error) {
	f, err := Follow(root, name)
	return readAll(name, f, err, max)
}

func readAll(name string, f *os.File, err error, max int64) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// By its size alone: reading up to the limit would take that memory, and a file of holes costs its maker nothing.
	tooLarge := &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%w (%d bytes)", ErrTooLarge, max)}
	if fi.Size() > max {
		return nil, tooLarge
	}
	// io.ReadAll would take twice as much in the end, and so does Grow where append makes what it appends (-race).
	b := bytes.NewBuffer(make([]byte, 0, int(fi.Size())+bytes.MinRead))
	if _, err := b.ReadFrom(io.LimitReader(f, max+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > max {
		return nil, tooLarge
	}
	return b.Bytes(), nil
}
