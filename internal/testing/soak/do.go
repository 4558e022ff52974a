//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// cli runs a subcommand and gives its error as the server would.
func (w *world) cli(args ...string) error {
	_, err := w.rig.Hjk(w.repo, append(args, "--json")...)
	return drive.Coded(err)
}

// killed starts a subcommand and kills it.
func (w *world) killed(after time.Duration, args ...string) error {
	cmd := w.rig.Cmd(w.repo, w.rig.Bin, args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	time.Sleep(after)
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed, or had ended
	return nil
}

func (w *world) killServer(after time.Duration) error {
	time.Sleep(after)
	w.victim.Kill()
	next, err := w.rig.Serve(w.repo, nil)
	if err == nil {
		w.victim = next
	}
	return err
}

// docker does something to a branch's container behind hjk-ls; there may be none.
func (w *world) docker(verb, branch string) error {
	script := `ids=$(docker ps -aq --filter "label=io.headjack.branch=$1"); [ -z "$ids" ] || docker ` + verb + ` $ids`
	_, _ = w.rig.Do(w.repo, "sh", "-c", script, "sh", branch)
	return nil
}

// work leaves a commit on the branch, if it has a worktree.
func (w *world) work(branch string) error {
	script := `cd "$(git worktree list --porcelain | grep -B2 -xF "branch refs/heads/$1" | sed -n 's/^worktree //p')" && date >>work && git add work && git commit -qm work`
	_, _ = w.rig.Do(w.repo, "sh", "-c", script, "sh", branch)
	return nil
}

func (w *world) deleteWorktree(branch string) error {
	i, err := w.rig.Instance(w.repo, branch)
	if err != nil || i == nil || !i.OwnsWorktree {
		return err
	}
	if filepath.Dir(i.Worktree) != filepath.Join(w.rig.Dir, "data", "headjack", "git") {
		return errors.New("a worktree in an unexpected place: " + i.Worktree)
	}
	for range 10 { // somebody may write there just now
		if err = os.RemoveAll(i.Worktree); err == nil {
			break
		}
	}
	return err
}
