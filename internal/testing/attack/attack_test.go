//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/internal/testing/rounds"
)

// TestAttack is the first rounds of one game; `make attack` does half an hour of any.
func TestAttack(t *testing.T) {
	g := rounds.Game{Seed: 1, Duration: 10 * time.Minute, Rounds: 12, Log: os.Stdout}
	if err := attack(g, options{limit: 2 * time.Minute}); err != nil {
		t.Fatal(err)
	}
}

// user is a world without an engine.
func user(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{dir: dir, rig: &drive.Rig{Dir: dir, Bin: filepath.Join(dir, "hjk-ls")}, limit: time.Minute}
	var err error
	if w.repo, err = w.rig.Repo("repo", map[string]string{"code": "1\n"}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", os.Getenv("PATH"))
	if err := os.MkdirAll(filepath.Join(dir, "config", "headjack"), 0o755); err != nil {
		t.Fatal(err)
	}
	if w.canary, err = w.newCanary(); err != nil {
		t.Fatal(err)
	}
	if err := w.canary.arm(); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestWhatHoldsCanFail does by itself what no agent may get done, and sees that it is noticed.
func TestWhatHoldsCanFail(t *testing.T) {
	for name, c := range map[string]struct{ script, says string }{
		"nothing":              {"true", ""},
		"a read":               {"cat private/deep/key", "read: "},
		"a read by git":        {"git -C ../secret fsck", "read: "},
		"a write":              {"echo w >private/written", "new: "},
		"a change":             {"echo w >>.worktrees/within/code", "changed: "},
		"a deletion":           {"rm -r private", "gone"},
		"a mode":               {"chmod 777 private", "changed: "},
		"a configuration":      {"git config core.fsmonitor x", "changed: "},
		"a program":            {"less x", "was started"},
		"a leak":               {"cp -p ../secret/key leak", "came to be in"},
		"a leak behind a hole": {"truncate -s 60G leak; cat ../private/key >>leak", "came to be in"},
		"a leak through git":   {"git fetch -q ../secret", "has commit"},
		"a FIFO":               {"mkfifo leak", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := user(t)
			if name == "a read" || name == "a deletion" || name == "a write" || name == "a mode" {
				c.script = "cd ..; " + c.script
			}
			if _, err := w.rig.Do(w.repo, "sh", "-ec", c.script); err != nil {
				t.Fatal(err)
			}
			err := w.canary.whole()
			if strings.HasPrefix(name, "a leak") {
				err = w.leaks()
			}
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v; wanted %q", err, c.says)
			}
		})
	}
}

// TestWhatACommandDoesCanFail has commands in the place of hjk-ls that do what it never may.
func TestWhatACommandDoesCanFail(t *testing.T) {
	for name, c := range map[string]struct{ script, says string }{
		"it is fine":               {`echo '{}'`, ""},
		"it is refused":            {`echo '{"error":{"code":"worktree_dirty","message":"m"}}' >&2; exit 5`, "worktree_dirty"},
		"it hangs":                 {`trap "" QUIT; sleep 1000 & wait`, "longer than"},
		"it crashes":               {`echo panic: x >&2; exit 2`, "without a code"},
		"it is killed":             {`kill -9 $$`, "without a code"},
		"it fails within":          {`echo '{"error":{"code":"internal","message":"m"}}' >&2; exit 1`, "internal"},
		"it moves the cursor":      {`printf '\033[2J'`, "control character"},
		"it tells":                 {`cat "$HOME/private/key"`, "tells a secret"},
		"it takes memory":          {`exec tail -c 300000000 < <(head -c 300000000 /dev/zero) >/dev/null`, "of memory"},
		"its child takes it":       {`head -c 900000000 /dev/zero | tail -c 900000000 >/dev/null`, "of memory"},
		"it prints without an end": {`head -c 100000000 /dev/zero`, "printed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := user(t)
			if err := os.WriteFile(w.rig.Bin, []byte("#!/bin/bash\n"+c.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			if name == "it hangs" {
				w.limit = 2 * time.Second
			}
			err := w.hjk(w.repo, "ps")
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v; wanted %q", err, c.says)
			}
			if refused := name == "it is refused"; err != nil && isBroken(err) == refused {
				t.Errorf("%v: broken is %v", err, !refused)
			}
		})
	}
}

// TestSeedIsTheGame draws the same operations from the same seed.
func TestSeedIsTheGame(t *testing.T) {
	names := func() string {
		g := rounds.Game{Seed: 7}
		w := &world{chosen: deeds}
		rnd, all := g.Rand(), ""
		for range 50 {
			ops, _ := rounds.Draw(append(kinds, deedKind), w, branches, 4, rnd)
			all += rounds.Names(ops) + "\n"
		}
		return all
	}
	if a, b := names(), names(); a != b || strings.Count(a, "\n") != 50 {
		t.Errorf("%s\nis not\n%s", a, b)
	}
}

func TestProcessesBelow(t *testing.T) {
	w := user(t)
	cmd := w.rig.Cmd(w.dir, "sh", "-c", "sh -c 'sleep 1000; true' & sleep 1000; wait")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(below(cmd.Process.Pid)) < 3 {
		if time.Now().After(deadline) {
			t.Fatal(below(cmd.Process.Pid))
		}
		time.Sleep(10 * time.Millisecond)
	}
	started := below(cmd.Process.Pid)
	kill(append(started, cmd.Process.Pid)...)
	_ = cmd.Wait()
	for _, p := range started {
		for syscall.Kill(p, 0) == nil && resident(p) > 0 {
			if time.Now().After(deadline) {
				t.Fatalf("%d is left", p)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}
