package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// fillMain unpacks a tar archive of files, folders and links into a home that nothing ran in yet. What the image has there is
// replaced; nothing is followed out of the home.
func fillMain(home string, in io.Reader) int {
	err := awaitReady()
	if err == nil {
		err = fill(home, in)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hjk-shim:", err)
		return 1
	}
	return 0
}

func fill(home string, in io.Reader) error {
	root, err := os.OpenRoot(home)
	if err != nil {
		return err
	}
	defer root.Close()
	for t := tar.NewReader(in); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpack(root, h, t); err != nil {
			return err
		}
	}
}

func unpack(root *os.Root, h *tar.Header, data io.Reader) error {
	path, mode := filepath.Clean(h.Name), os.FileMode(h.Mode).Perm() //nolint:gosec // the mode of a file
	if h.Typeflag == tar.TypeDir {
		if err := root.MkdirAll(path, mode|0o700); err != nil {
			return err
		}
		return root.Chmod(path, mode|0o700)
	}
	if err := root.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeSymlink {
		_ = root.Remove(path)
		return root.Symlink(h.Linkname, path)
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	text, err := io.ReadAll(data)
	if err != nil {
		return err
	}
	return distrust.Write(root, path, text, mode)
}
