package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// TestOneRepositoryHangsAlone has two repositories open, and a git that does not come back when it is asked for the checkouts of
// one. That one's instance is told as what it is, the other's as ever. The control is the one repository by itself: there git
// is what the answer is about.
func TestOneRepositoryHangsAlone(t *testing.T) {
	r := newRig(t)
	other, err := r.Rig.Repo("other", map[string]string{"f": ""})
	if err != nil {
		t.Fatal(err)
	}
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--detach")
	if _, err := r.Hjk(other, "run", "y", "--image", "hjk-test/busybox:1", "--detach"); err != nil {
		t.Fatal(err)
	}
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *%s/.git*worktree\\ list*) exec sleep 1000;; esac\nexec %s \"$@\"\n", r.repo, real)
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	c, err := r.ServeEditor(r.repo, drive.Editor{Folders: []string{r.repo, other}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	var res agents.ListResult
	if err := c.Command("hjk-ls.list", agents.ListArgs{}, &res); err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for _, i := range res.Instances {
		told[i.Branch] = string(i.State)
		if i.Git != nil {
			told[i.Branch] += " " + i.Git.State + " " + i.Git.Message
		}
	}
	if len(told) != 2 || told["y"] != "running synced " || !strings.HasPrefix(told["x"], "running held git did not tell the checkouts of "+r.repo) {
		t.Errorf("%v", told)
	}
	if err := c.Command("hjk-ls.list", agents.ListArgs{Workspace: r.repo}, &res); err == nil || !strings.Contains(err.Error(), "git did not tell") {
		t.Errorf("the control: of the one repository alone: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
