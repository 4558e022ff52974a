package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// mountsIn are the places below a folder where something is mounted, relative to it.
func mountsIn(dir string) (all []string) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil
	}
	points, err := mountPoints()
	if err != nil {
		return nil
	}
	for _, p := range points {
		if rel, err := filepath.Rel(real, p); err == nil && rel != "." && filepath.IsLocal(rel) {
			all = append(all, rel)
		}
	}
	return all
}

// leadTo gives to the user the folders of a home that lead to what is mounted in it: the engine made them, as root. Of what is mounted
// nothing is given away, and no link is followed.
func leadTo(home *os.Root, points []string, u user) {
	for _, point := range points {
		at := ""
		for part := range strings.SplitSeq(filepath.Dir(point), "/") {
			at = filepath.Join(at, part)
			if at == "." || slices.Contains(points, at) || !giveRoots(home, at, u) {
				break
			}
		}
	}
}

// giveRoots gives a folder to the user if it is root's. It reports whether there is a folder.
func giveRoots(home *os.Root, path string, u user) bool {
	dir, err := distrust.OpenDir(home, path)
	if err != nil {
		return false
	}
	defer dir.Close()
	if uid, _, err := owner(dir); err != nil || uid != 0 {
		return err == nil
	}
	f, err := dir.Open(".")
	if err != nil {
		return false
	}
	defer f.Close()
	return f.Chown(u.uid, u.gid) == nil
}
