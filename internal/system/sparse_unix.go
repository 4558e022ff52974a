//go:build unix

package system

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// NextData is the first stretch of a file from an offset on that holds data; between such stretches are holes. It is io.EOF
// when only a hole follows. A file system that has no holes has one stretch.
func NextData(f *os.File, from, size int64) (begin, end int64, err error) {
	if from >= size {
		return 0, 0, io.EOF
	}
	begin, err = unix.Seek(int(f.Fd()), from, unix.SEEK_DATA)
	switch {
	case errors.Is(err, syscall.ENXIO):
		return 0, 0, io.EOF
	case err != nil:
		return from, size, nil //nolint:nilerr // it cannot tell
	}
	if end, err = unix.Seek(int(f.Fd()), begin, unix.SEEK_HOLE); err != nil || end > size {
		end = size
	}
	if begin >= size {
		return 0, 0, io.EOF
	}
	return begin, end, nil
}
