//go:build linux

package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// leaks looks for the user's secret in everything that hjk-ls keeps, in every worktree, and, where root looks, in everything
// that the engine keeps: images, containers, volumes, build caches.
func (w *world) leaks() error {
	var found []string
	skip := append([]string{filepath.Join(w.rig.Dir, "bin")}, w.canary.quiet...)
	for _, tree := range []string{w.rig.Dir, strings.TrimSuffix(strings.TrimPrefix(w.rig.Host, "unix://"), "docker.sock") + "data"} {
		in, err := w.tellers(tree, skip)
		if err != nil {
			return err
		}
		found = append(found, in...)
	}
	if _, err := w.rig.Do(w.repo, "git", "cat-file", "-e", w.canary.commit); err == nil {
		found = append(found, "the user's repository, which has commit "+w.canary.commit)
	}
	if len(found) > 0 {
		return broken("a secret of the user's came to be in:\n%s", strings.Join(found, "\n"))
	}
	return nil
}

// tellers are the files below a tree that have the secret in them. A folder may be a link by the time it is entered, so this
// goes by a held root, too, and passes over what is gone, or locked, or something else by now.
func (w *world) tellers(tree string, skip []string) ([]string, error) {
	root, err := os.OpenRoot(tree)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) { // the engine's, to an ordinary user
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	var found []string
	var look func(name string)
	look = func(name string) {
		entries, _ := distrust.ReadDir(context.Background(), root, name, 100_000)
		for _, e := range entries {
			name := filepath.Join(name, e.Name())
			path := filepath.Join(tree, name)
			switch {
			case e.IsDir() && !slices.Contains(skip, path) && e.Name() != "merged": // merged: seen in its layers
				look(name)
			case e.Type().IsRegular() && !w.canary.seen(path) && w.tells(root, name):
				found = append(found, path)
			}
		}
	}
	look(".")
	return found, nil
}

func (w *world) tells(root *os.Root, name string) bool {
	f, err := distrust.Open(root, name)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	return w.canary.holds(f)
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
