//go:build linux

package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// canary is what agents must not reach: private files of the user's with a secret in each, a repository of the user's, the
// user's configuration, worktrees of the user's own, and a file that is made where an attack has a program started.
type canary struct {
	token, dir, repo, commit, pwn string

	trees []string // which may not be changed
	quiet []string // of them, those that nobody has a reason to read
	was   map[string]string
	known map[string]os.FileInfo // what was looked into for the token
}

// longAgo is a time of access from before the time of change, so that the next access sets it (relatime).
var longAgo = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)

func (w *world) newCanary() (*canary, error) {
	home := w.rig.Dir
	c := &canary{token: "CANARY" + rand.Text(), dir: home + "/private", repo: home + "/secret", pwn: home + "/PWNED", known: map[string]os.FileInfo{}}
	script := `mkdir -p "$1/deep" "$2" .ssh bin; for f in "$1/key" "$1/deep/key" "$2/key" .ssh/id; do echo "$3 $f" >"$f"; done; chmod 700 "$1" .ssh
cd "$2"; git init -q; git config user.name "$3"; git add -A; git commit -qm secret; git repack -qad; git pack-refs --all; cd ../repo
git worktree add -q -b mine ../mine; git worktree add -q -b within .worktrees/within
for p in ssh less vi gpg editor pager docker-credential-x git-remote-evil; do printf '#!/bin/sh\ntouch %s\n' "$4" >../bin/$p; chmod +x ../bin/$p; done`
	if _, err := w.rig.Do(home, "bash", "-ec", script, "bash", c.dir, c.repo, c.token, c.pwn); err != nil {
		return nil, err
	}
	head, err := w.rig.Do(c.repo, "git", "rev-parse", "HEAD")
	if err != nil {
		return nil, err
	}
	c.commit = strings.TrimSpace(head)
	if err := os.Setenv("PATH", home+"/bin:"+os.Getenv("PATH")); err != nil {
		return nil, err
	}
	c.quiet = []string{c.dir, c.repo, home + "/.ssh"}
	git := w.repo + "/.git/"
	c.trees = append([]string{
		home + "/config", home + "/mine", w.repo + "/.worktrees/within", git + "config", git + "hooks", git + "info/exclude",
		git + "refs/heads/mine", git + "refs/heads/within",
	}, c.quiet...)
	return c, nil
}

// arm remembers how everything is.
func (c *canary) arm() error {
	var err error
	c.was, err = c.look()
	return errors.Join(err, c.rest())
}

// rest sets the times of access of what nobody has a reason to read.
func (c *canary) rest() error {
	return each(c.quiet, func(path string, fi os.FileInfo) error {
		if fi.Mode()&os.ModeSymlink != 0 {
			return nil
		}
		return os.Chtimes(path, longAgo, fi.ModTime())
	})
}

func each(trees []string, do func(path string, fi os.FileInfo) error) error {
	for _, t := range trees {
		err := filepath.Walk(t, func(path string, fi os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			return do(path, fi)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// look tells of every path what it is, and a sum of what it holds.
func (c *canary) look() (map[string]string, error) {
	all := map[string]string{}
	return all, each(c.trees, func(path string, fi os.FileInfo) error {
		sum, err := content(path, fi)
		all[path] = fmt.Sprintf("%v %s", fi.Mode(), sum)
		if base := filepath.Base(path); base == "index" { // git status writes it anew
			all[path] = base
		}
		return err
	})
}

func content(path string, fi os.FileInfo) (string, error) {
	switch {
	case fi.Mode()&os.ModeSymlink != 0:
		return os.Readlink(path)
	case !fi.Mode().IsRegular():
		return "", nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOATIME, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fmt.Sprintf("%d %x", fi.ModTime().UnixNano(), h.Sum(nil)[:8]), err
}

// whole looks whether everything is as it was, unread, and no program was started.
func (c *canary) whole() error {
	if _, err := os.Lstat(c.pwn); err == nil {
		return broken("a program of the host was started: %s is there", c.pwn)
	}
	var bad []string
	err := each(c.quiet, func(path string, fi os.FileInfo) error {
		at := fi.Sys().(*syscall.Stat_t).Atim
		if fi.Mode()&os.ModeSymlink == 0 && time.Unix(at.Unix()).After(longAgo) && fi.Mode().IsRegular() {
			bad = append(bad, "read: "+path)
		}
		return nil
	})
	if err != nil {
		return broken("a file of the user's is gone: %v", err)
	}
	is, err := c.look()
	if err != nil {
		return broken("a file of the user's is gone: %v", err)
	}
	for path, what := range c.was {
		if is[path] != what {
			bad = append(bad, fmt.Sprintf("changed: %s from %s to %s", path, what, is[path]))
		}
	}
	for path := range is {
		if c.was[path] == "" {
			bad = append(bad, "new: "+path)
		}
	}
	if slices.Sort(bad); len(bad) > 0 {
		return broken("of the user's files:\n%s", strings.Join(bad, "\n"))
	}
	return nil
}

// holds tells whether a file has the token in it, without reading holes.
func (c *canary) holds(f *os.File) bool {
	const most = 64 << 20 // of one file
	for at, read := int64(0), int64(0); read < most; {
		data, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if err != nil {
			return false
		}
		hole, err := unix.Seek(int(f.Fd()), data, unix.SEEK_HOLE)
		if err != nil {
			return false
		}
		b := make([]byte, min(hole-data, 1<<20))
		n, _ := f.ReadAt(b, data)
		if bytes.Contains(b[:n], []byte(c.token)) {
			return true
		}
		if at = data + int64(n); at < hole {
			at -= int64(len(c.token)) // it may lie on the edge
		}
		if n <= len(c.token) {
			at = hole
		}
		read += int64(n)
	}
	return false
}
