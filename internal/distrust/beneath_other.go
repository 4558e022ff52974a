//go:build !linux

package distrust

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// openBeneath opens name below root with no link on the way. Agents' containers write into folders of Linux alone, or through
// a virtual machine; elsewhere what was looked at is compared with what was opened.
func openBeneath(root *os.Root, name string, flag int) (*os.File, error) {
	fi, err := lookAt(root, name)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() && !fi.IsDir() {
		return nil, notRegular(name, fi.Mode())
	}
	f, err := root.OpenFile(name, flag|system.NonBlock, 0)
	if err != nil {
		return nil, err
	}
	now, err := f.Stat()
	if err == nil && !os.SameFile(fi, now) {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrMoved}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// lookAt is Lstat for a path with no link on the way.
func lookAt(root *os.Root, name string) (fi fs.FileInfo, err error) {
	parts := strings.Split(filepath.ToSlash(filepath.Clean(name)), "/")
	for i := range parts {
		at := filepath.Join(parts[:i+1]...)
		if fi, err = root.Lstat(at); err != nil {
			return nil, err
		}
		if i < len(parts)-1 && !fi.IsDir() {
			return nil, notRegular(at, fi.Mode())
		}
	}
	return fi, nil
}

const (
	dirFlags  = os.O_RDONLY
	pathFlags = os.O_RDONLY
)

// OpenDir holds a folder below root. No part of name may be a link. The result's Name is no path to show or to join.
func OpenDir(root *os.Root, name string) (*os.Root, error) {
	fi, err := lookAt(root, name)
	if err != nil {
		return nil, err
	}
	if !fi.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	dir, err := root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	now, err := dir.Stat(".")
	if err == nil && !os.SameFile(fi, now) {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrMoved}
	}
	if err != nil {
		_ = dir.Close()
		return nil, err
	}
	return dir, nil
}
