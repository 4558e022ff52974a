//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"
)

// calm is an instance that nobody attacks, and that has to work whatever happens to the others.
type calm struct {
	tree string
	n    int
}

func (w *world) newCalm() (calm, error) {
	if err := w.hjk(w.repo, "run", "calm", "--image", "hjk-test/tmux:1", "--detach"); err != nil {
		return calm{}, err
	}
	i, err := w.rig.Instance(w.repo, "calm")
	if err != nil || i == nil {
		return calm{}, fmt.Errorf("ps of calm: %v %w", i, err)
	}
	return calm{tree: i.Worktree}, nil
}

// works lets calm's agent commit, and looks for the commit on the host, and for calm's session.
func (c *calm) works(w *world) error {
	c.n++
	name := fmt.Sprintf("calm%d", c.n)
	if _, err := w.exec("calm", fmt.Sprintf(`cd "$W"; export HOME=/tmp; echo 1 >%[1]s; git add %[1]s; git -c user.name=c -c user.email=c@c commit -qm %[1]s`, name)); err != nil {
		return err
	}
	if err := w.hjk(w.repo, "ps"); err != nil {
		return broken("ps, with a calm instance: %v", err)
	}
	deadline := time.Now().Add(w.limit)
	for {
		log, err := w.rig.Do(c.tree, "sh", "-c", "git log -1 --format=%s && git status --porcelain")
		if err == nil && log == name+"\n" {
			break
		}
		if time.Now().After(deadline) {
			return broken("the calm instance's commit %s did not come to the host: %v %s", name, err, log)
		}
		time.Sleep(200 * time.Millisecond)
	}
	i, err := w.rig.Instance(w.repo, "calm")
	if err != nil || i == nil || i.State != "running" || len(i.Sessions) != 1 || i.Sessions[0].State != "running" {
		return broken("ps of the calm instance: %+v %v", i, err)
	}
	if err := w.hjk(w.repo, "logs", "calm"); err != nil {
		return broken("logs of the calm instance: %v", err)
	}
	config, err := w.rig.Do(w.repo, "git", "rev-parse", "mine", "within")
	if err != nil || len(strings.Fields(config)) != 2 {
		return broken("the user's repository: %v %s", err, config)
	}
	return nil
}
