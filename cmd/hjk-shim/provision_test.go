package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// Files of a home are written once, for its user alone, and never outside of it.
func TestProvision(t *testing.T) {
	home, outside := t.TempDir(), t.TempDir()
	own := filepath.Join(home, "own")
	if err := os.WriteFile(own, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(home, "link")); err != nil {
		t.Fatal(err)
	}
	provision(home, []shim.File{{Path: "a/b", Text: "new"}, {Path: "own", Text: "theirs"}, {Path: "link/x", Text: "out"}, {Path: "../y", Text: "out"}})
	if b, err := os.ReadFile(filepath.Join(home, "a/b")); err != nil || string(b) != "new" {
		t.Errorf("a/b: %q %v", b, err)
	}
	if fi, err := os.Stat(filepath.Join(home, "a/b")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("a/b: %v %v", fi, err)
	}
	if b, err := os.ReadFile(own); err != nil || string(b) != "mine" {
		t.Errorf("own: %q %v", b, err)
	}
	for _, dir := range []string{outside, filepath.Dir(home)} {
		for _, name := range []string{"x", "y"} {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				t.Errorf("%s/%s was written", dir, name)
			}
		}
	}
	provision("", []shim.File{{Path: "z"}})
	provision(filepath.Join(home, "none"), []shim.File{{Path: "z"}})
}
