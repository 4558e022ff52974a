package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// leaks looks for the user's secret in everything that hjk-ls keeps, in every worktree, and, where root looks, in everything
// that the engine keeps: images, containers, volumes, build caches.
func (w *world) leaks() error {
	var found []string
	skip := append([]string{filepath.Join(w.rig.Dir, "bin")}, w.canary.quiet...)
	for _, tree := range []string{w.rig.Dir, strings.TrimSuffix(strings.TrimPrefix(w.rig.Host, "unix://"), "docker.sock") + "data"} {
		_ = filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil: // it is gone, or its owner has locked it
				return nil
			case d.IsDir() && (slices.Contains(skip, path) || strings.HasSuffix(path, "/merged")): // merged: seen in its layers
				return filepath.SkipDir
			case d.Type().IsRegular() && !w.canary.seen(path) && w.canary.holds(path):
				found = append(found, path)
			}
			return nil
		})
	}
	if _, err := w.rig.Do(w.repo, "git", "cat-file", "-e", w.canary.commit); err == nil {
		found = append(found, "the user's repository, which has commit "+w.canary.commit)
	}
	if len(found) > 0 {
		return broken("a secret of the user's came to be in:\n%s", strings.Join(found, "\n"))
	}
	return nil
}

// seen tells whether a file was looked into before and is the same since.
func (c *canary) seen(path string) bool {
	fi, err := os.Lstat(path)
	if err != nil {
		return true
	}
	was, known := c.known[path]
	if known && os.SameFile(was, fi) && was.ModTime().Equal(fi.ModTime()) && was.Size() == fi.Size() {
		return true
	}
	c.known[path] = fi
	return false
}
