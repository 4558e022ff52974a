package main

import (
	"os"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// provision writes what an agent's first start needs into the home, only for its user's eyes. What is there stays, and
// what cannot be written is left to the agent's own questions. Nothing is followed out of the home.
func provision(home string, files []shim.File) {
	if home == "" || len(files) == 0 {
		return
	}
	root, err := os.OpenRoot(home)
	if err != nil {
		return
	}
	defer root.Close()
	for _, f := range files {
		path := filepath.Clean(f.Path)
		if root.MkdirAll(filepath.Dir(path), 0o700) != nil {
			continue
		}
		w, err := root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			continue
		}
		_, err = w.WriteString(f.Text)
		if w.Close() != nil || err != nil {
			_ = root.Remove(path) // half a file is worse than none
		}
	}
}
