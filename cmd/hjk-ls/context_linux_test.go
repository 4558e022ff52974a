package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tonistiigi/fsutil"
	"golang.org/x/sys/unix"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// private is what is in the folder of the user's that an agent wants to see.
const private = "-----BEGIN PRIVATE KEY-----"

// links is a worktree whose folders become links to a private folder and folders again, all the time.
type links struct{ dir string }

const linked = 50

func (r rig) links(dir string) links {
	r.Helper()
	home := filepath.Join(r.Dir, ".secret")
	err := errors.Join(os.Mkdir(home, 0o700), os.WriteFile(filepath.Join(home, "key"), []byte(private), 0o600))
	for i := range linked {
		z, l := filepath.Join(dir, fmt.Sprintf("z%02d", i)), filepath.Join(dir, fmt.Sprintf("l%02d", i))
		err = errors.Join(err, os.Mkdir(z, 0o755), os.WriteFile(filepath.Join(z, "key"), []byte("public\n"), 0o644), os.Symlink(home, l))
	}
	text := "FROM hjk-test/busybox:1\nCOPY . /ctx\nRUN cat /ctx/*/key >/all; cat /all\n"
	if err = errors.Join(err, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o644)); err != nil {
		r.Fatal(err)
	}
	return links{dir}
}

// swap goes on until stop, which leaves folders.
func (l links) swap(t *testing.T) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			for i := range linked {
				a, b := filepath.Join(l.dir, fmt.Sprintf("z%02d", i)), filepath.Join(l.dir, fmt.Sprintf("l%02d", i))
				if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
					t.Error(err)
					return
				}
			}
			select {
			case <-done:
				if n%2 == 1 {
					return
				}
			default:
			}
		}
	})
	return sync.OnceFunc(func() { close(done); wg.Wait() })
}

// naive reads a folder as a build did: it walks by path, and opens by path what it found.
func naive(ctx context.Context, dir string) (tricked bool) {
	all, err := fsutil.NewFS(dir)
	if err != nil {
		return false
	}
	_ = all.Walk(ctx, "/", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // it is swapped just now
		}
		if f, err := all.Open(path); err == nil {
			b, _ := io.ReadAll(f)
			_ = f.Close()
			tricked = tricked || strings.Contains(string(b), private)
		}
		return nil
	})
	return tricked
}

// TestBuildContextIsHeld builds a worktree while its folders become links to a private folder. Its
// control reads the same worktree by path meanwhile.
func TestBuildContextIsHeld(t *testing.T) {
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--detach")
	dir := r.x().Worktree
	l := r.links(dir)
	stop := l.swap(t)
	defer stop()
	for range 3 {
		out, err := r.Hjk(dir, "build", "--no-cache", "--json")
		if err != nil {
			if strings.Contains(err.Error(), private) {
				t.Fatal("it is in the output of a build that failed")
			}
			continue
		}
		if got := r.inImage(out); strings.Contains(got, private) {
			t.Fatal("the private folder is in the image")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !naive(ctx, dir) {
		if ctx.Err() != nil {
			t.Fatal("the control: reading by path is not tricked either, so this shows nothing")
		}
	}
	stop()
	out, err := r.Hjk(dir, "build", "--no-cache", "--json")
	if err != nil {
		t.Fatal(err)
	}
	if got := r.inImage(out); strings.Count(got, "public") != linked {
		t.Errorf("of a context that nobody changes: %q", got)
	}
	r.hjk("rm", "x", "--force")
}

// inImage is what a build of links read.
func (r rig) inImage(out string) string {
	r.Helper()
	var res agents.BuildResult
	if err := json.Unmarshal([]byte(out), &res); err != nil {
		r.Fatal(err)
	}
	got, err := r.Do(r.repo, "docker", "run", "--rm", res.Image, "cat", "/all")
	if err != nil {
		r.Fatal(err)
	}
	return got
}
