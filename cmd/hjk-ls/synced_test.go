package main

import (
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// TestWorktreeThatSwitchesBackIsSynced has an editor open while a worktree leaves its branch and comes back: what was committed
// inside meanwhile is held, and then comes over without anything else happening.
func TestWorktreeThatSwitchesBackIsSynced(t *testing.T) {
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--agent", "shell", "--detach")
	e := r.edit(drive.Editor{})
	wt := r.x().Worktree
	do := func(script string) string {
		t.Helper()
		out, err := r.Do(wt, "sh", "-ec", script)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	do("git switch -q -c elsewhere")
	r.inside("git commit -q --allow-empty -m inside")
	e.await("hjk/instances", `"state":"held"`)
	e.settled() // nothing else is under way
	do("git switch -q x")
	e.await("hjk/instances", `"state":"synced"`)
	if got := do("git log -1 --format=%s"); got != "inside\n" {
		t.Errorf("the host has %q", got)
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}

// TestLockThatGoes has an editor open while git on one side is at work, as with the editor of a commit open, and ends without a
// commit: what the other side committed meanwhile is held, and then comes over without anything else happening.
func TestLockThatGoes(t *testing.T) {
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--agent", "shell", "--detach")
	outside := func(script string) {
		t.Helper()
		if out, err := r.Do(r.x().Worktree, "sh", "-ec", script); err != nil {
			t.Fatal(out, err)
		}
	}
	inside := func(script string) { t.Helper(); r.inside(script) }
	commit := func(name string) string {
		return "echo 1 >" + name + "; git add " + name + "; git commit -q -m " + name
	}
	outside(commit("both"))
	e := r.edit(drive.Editor{})
	for name, sides := range map[string][2]func(string){"in": {inside, outside}, "out": {outside, inside}} {
		at, other := sides[0], sides[1]
		at(`: >"$(git rev-parse --git-dir)/index.lock"`)
		other(commit(name))
		e.await("hjk/instances", `"state":"held"`)
		e.settled()
		at(`rm "$(git rev-parse --git-dir)/index.lock"`)
		e.await("hjk/instances", `"state":"synced"`)
		at(`test -z "$(git status --porcelain)"`)
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}
