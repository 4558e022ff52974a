package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// TestFolderThatTheAgentLocked starts a server in a worktree that its agent has made unreadable, as an ordinary
// user: a server begins and answers.
func TestFolderThatTheAgentLocked(t *testing.T) {
	r := newRig(t)
	must(t, r.Ordinary())
	user := me
	if os.Getuid() == 0 {
		user = fmt.Sprintf("%d:%[1]d", drive.User)
	}
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	x := r.x()
	out, err := r.Do(r.repo, "docker", "exec", "-u", user, "-w", x.Worktree, x.Container.ID, "chmod", "0", ".")
	if err != nil {
		t.Fatal(out, err)
	}
	if out, err := r.Do(x.Worktree, "ls"); err == nil {
		t.Fatalf("the control: the folder can be read: %s", out)
	}
	c, err := r.Serve(x.Worktree, nil)
	must(t, err)
	var de *drive.Error
	if err := c.Command("hjk-ls.list", map[string]any{}, nil); err != nil && (!asError(err, &de) || de.Data.Code == "internal") {
		t.Error(err)
	}
	must(t, c.Close())
	if _, err := r.Hjk(x.Worktree, "-C", r.repo, "rm", "x", "--force"); err != nil {
		t.Error(err)
	}
	r.nothingLeft("in the end")
}
