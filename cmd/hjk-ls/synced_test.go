package main

import (
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/drive"
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
