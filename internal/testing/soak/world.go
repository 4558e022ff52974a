//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// world is one user with an engine, a repository, a server that is left alone and one that is not.
type world struct {
	rnd    *rand.Rand
	dir    string
	rig    *drive.Rig
	engine *drive.Engine
	ending sync.Mutex // of the engine: one way at a time
	repo   string

	steady server
	victim *drive.Client

	done, refused atomic.Int64
}

// branches are what the operations are about.
var branches = []string{"a", "b", "feat/a", "feat-a", "日本語", "fix/#12"}

func newWorld(rnd *rand.Rand) (*world, error) {
	dir, err := os.MkdirTemp("", "hjk-s")
	if err != nil {
		return nil, err
	}
	w := &world{rnd: rnd, dir: dir}
	place, err := drive.EngineDir()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if w.engine, err = drive.StartEngine(place); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := w.start(); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *world) start() (err error) {
	if w.rig, err = drive.New(filepath.Join(w.dir, "home"), w.engine.Host()); err != nil {
		return err
	}
	w.repo, err = w.rig.Repo("repo", map[string]string{
		"Dockerfile":     "FROM hjk-test/busybox:1\nRUN echo 0 >/made\n",
		".headjack.yaml": "agents: {stubborn: {command: [agent, stubborn]}}\n",
	})
	if err != nil {
		return err
	}
	if err := w.rig.Ordinary(); err != nil {
		return err
	}
	if w.steady.Client, err = w.rig.Serve(w.repo, nil); err != nil {
		return err
	}
	w.victim, err = w.rig.Serve(w.repo, nil)
	return err
}

func (w *world) close() error {
	if w.victim != nil {
		w.victim.Kill()
	}
	if w.steady.Client != nil {
		w.steady.Kill()
	}
	return errors.Join(w.engine.Stop(), os.RemoveAll(w.dir))
}

// settle asks for every instance once more and compares what ps, the engine and git tell.
func (w *world) settle() error {
	all, err := w.rig.Instances(w.repo)
	if err != nil {
		return err
	}
	for _, i := range all {
		if _, err := w.rig.Hjk(w.repo, "run", i.Branch, "--detach"); err != nil {
			return fmt.Errorf("run of %s, which is %s: %w", i.Branch, i.State, err)
		}
	}
	if all, err = w.rig.Instances(w.repo, "--all"); err != nil {
		return err
	}
	containers, _, err := drive.Leftovers(w.rig.Host, w.rig.Dir)
	if err != nil {
		return err
	}
	owner := map[string]string{}
	for _, i := range all {
		if i.State != agents.StateRunning || i.Container == nil || owner[i.Container.ID] != "" {
			return fmt.Errorf("after run, ps tells %+v", i)
		}
		owner[i.Container.ID] = i.Branch
	}
	for _, id := range containers {
		if owner[id] == "" {
			what, _ := w.rig.Do(w.repo, "docker", "ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.Status}} {{.CreatedAt}}")
			return fmt.Errorf("nobody owns container %s; ps told %v; the engine has:\n%s", id, owner, what)
		}
	}
	return w.worktreesKnown()
}

// worktreesKnown compares the worktrees' folders with git's records.
func (w *world) worktreesKnown() error {
	list, err := w.rig.Do(w.repo, "git", "worktree", "list", "--porcelain")
	if err != nil {
		return err
	}
	if strings.Contains(list, "\nprunable") {
		return fmt.Errorf("git knows worktrees that are no more:\n%s", list)
	}
	folders, err := filepath.Glob(filepath.Join(w.rig.Dir, "data", "headjack", "git", "*"))
	if err != nil {
		return err
	}
	for _, f := range folders {
		if !strings.Contains(list, "worktree "+f+"\n") {
			return fmt.Errorf("git does not know %s:\n%s", f, list)
		}
	}
	return nil
}

// end removes everything and looks what is left.
func (w *world) end(began growth, log io.Writer) error {
	all, err := w.rig.Instances(w.repo)
	if err != nil {
		return err
	}
	for _, i := range all {
		if _, err := w.rig.Hjk(w.repo, "rm", i.Branch, "--force", "--delete-branch"); err != nil {
			return err
		}
	}
	left, err := w.rig.Left()
	if err != nil || len(left) > 0 {
		return fmt.Errorf("left in the end: %v %w", left, err)
	}
	ended := w.steady.settled(began)
	fmt.Fprintf(log, "soak: the server had %v, and has %v\n", began, ended)
	if ended.files > began.files+slack || ended.threads > began.threads+threadSlack {
		return fmt.Errorf("the server has grown from %v to %v", began, ended)
	}
	goroutines, err := w.steady.goroutines()
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "soak: %d goroutines in the end\n", goroutines)
	if goroutines > mostGoroutines {
		return fmt.Errorf("the server has %d goroutines with nothing to do", goroutines)
	}
	w.victim.Kill()
	if p := drive.Processes(w.rig.Bin); len(p) > 0 {
		return fmt.Errorf("processes of hjk-ls are left: %v", p)
	}
	return nil
}
