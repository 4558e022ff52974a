package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// ownEngine starts an engine that a test may stop and kill, with its data in a file system of the given size.
func ownEngine(t *testing.T, size string) *drive.Engine {
	t.Helper()
	dir, err := drive.EngineDir()
	must(t, err)
	if size != "" {
		tmpfs(t, filepath.Join(dir, "data"), size)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	e, err := drive.StartEngine(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// tmpfs mounts a file system that is soon full.
func tmpfs(t *testing.T, dir, size string) {
	t.Helper()
	undo, err := drive.Tmpfs(dir, size)
	must(t, err)
	t.Cleanup(undo)
}

// told keeps the newest hjk/instances of a server.
type told struct {
	mu   sync.Mutex
	last []agents.Instance
}

func (l *told) hear(method string, params json.RawMessage) {
	if method != "hjk/instances" {
		return
	}
	var res agents.ListResult
	if json.Unmarshal(params, &res) == nil {
		l.mu.Lock()
		l.last = res.Instances
		l.mu.Unlock()
	}
}

// await waits until the server has told by itself that the only instance is in state.
func (l *told) await(t *testing.T, state agents.State) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		l.mu.Lock()
		last := l.last
		l.mu.Unlock()
		if len(last) == 1 && last[0].State == state {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server did not tell that x is %s; last: %+v", state, last)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestEngineGoesAndComesBack restarts the engine, kills it, and lets the power fail, under a server that goes on.
func TestEngineGoesAndComesBack(t *testing.T) {
	e := ownEngine(t, "")
	r := rigOn(t, e.Host())
	var l told
	c, err := r.Serve(r.repo, l.hear)
	must(t, err)
	t.Cleanup(c.Kill)
	_, err = run(c, "x")
	must(t, err)
	l.await(t, agents.StateRunning)
	for _, end := range []struct {
		how  string
		ends func() error
	}{{"restarted", e.Down}, {"killed", e.Kill}, {"power failed", e.Crash}} {
		must(t, end.ends())
		l.await(t, agents.StateUnknown)
		var de *drive.Error
		if _, err := run(c, "y"); !asError(err, &de) || de.Data.Code != "engine_unreachable" || !strings.Contains(de.Message, e.Host()) {
			t.Fatalf("%s: run without an engine: %v", end.how, err)
		}
		if got := r.sh("git branch --list y"); got != "" {
			t.Fatalf("%s: left %s", end.how, got)
		}
		if x := r.x(); x.State != agents.StateUnknown {
			t.Fatalf("%s: ps without an engine: %+v", end.how, x)
		}
		must(t, e.Up())
		if x := r.x(); x.State != agents.StateStopped || x.Sessions[0].State != "exited" {
			t.Fatalf("%s: ps at once: %+v", end.how, x)
		}
		l.await(t, agents.StateStopped)
		res, err := run(c, "x")
		must(t, err)
		if res.Instance.State != agents.StateRunning {
			t.Fatalf("%s: run: %+v", end.how, res)
		}
		l.await(t, agents.StateRunning)
		must(t, c.Command("hjk-ls.recreate", agents.BranchArgs{Branch: "x"}, nil))
	}
	must(t, c.Command("hjk-ls.remove", agents.BranchArgs{Branch: "x"}, nil))
	must(t, c.Close())
	r.nothingLeft("in the end")
}

// TestDiskFull fills the engine's disk by a build and by a container, and the worktrees' by a checkout.
func TestDiskFull(t *testing.T) {
	e := ownEngine(t, "120m")
	r := rigOn(t, e.Host())
	write := func(name, text string) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(r.repo, name), []byte(text), 0o644))
	}
	write("Dockerfile.big", "FROM hjk-test/busybox:1\nRUN dd if=/dev/zero of=/big bs=1M count=500\n")
	r.fails("Dockerfile.big:2", "run", "x", "--image", r.repo+"/Dockerfile.big", "--detach")
	r.nothingLeft("after a build on a full disk")
	r.hjk("run", "x", "--detach")
	r.hjk("rm", "x", "--delete-branch")

	filler := filepath.Join(strings.TrimSuffix(strings.TrimPrefix(e.Host(), "unix://"), "docker.sock"), "data", "filler")
	_ = exec.Command("dd", "if=/dev/zero", "of="+filler, "bs=4k").Run()
	r.fails("no space left", "run", "x", "--image", "hjk-test/busybox:1", "--detach")
	must(t, os.Remove(filler))
	r.nothingLeft("after a container on a full disk")
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--detach")
	r.hjk("rm", "x", "--delete-branch")

	tmpfs(t, filepath.Join(r.Dir, "data", "headjack", "git"), "1m")
	r.sh("head -c 3000000 /dev/urandom >big; git add big; git commit -qm big")
	r.fails("is the disk full?", "run", "x", "--detach")
	r.nothingLeft("after a checkout on a full disk")
	if got := r.sh("git branch --list x; git worktree list | wc -l"); got != "1" {
		t.Fatal(got)
	}
	r.sh("git rm -q big; git commit -qm small")
	r.hjk("run", "x", "--detach")
	r.hjk("rm", "x", "--delete-branch")
}

// TestStateDiskFull lets the agent fill the disk that its git directory lies on.
func TestStateDiskFull(t *testing.T) {
	r := newRig(t)
	tmpfs(t, filepath.Join(r.Dir, "state"), "60m")
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	r.inside("git commit -q --allow-empty -m before; cat /dev/zero >/.headjack/run/fill 2>/dev/null; true")
	x := r.x()
	t.Logf("%+v", x.Git)
	if x.State != agents.StateRunning {
		t.Fatalf("%+v", x)
	}
	r.inside("rm /.headjack/run/fill; git commit -q --allow-empty -m after")
	if x = r.x(); x.Git.State != "synced" {
		t.Fatalf("%+v", x.Git)
	}
	if got := r.sh("git log -2 --format=%s x"); got != "after\nbefore" {
		t.Fatal(got)
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}
