//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/internal/testing/rounds"
)

// world is an ordinary user with an engine, a repository, a server, and things that no agent may touch.
type world struct {
	rnd    *rand.Rand
	chosen []deed
	limit  time.Duration
	dir    string
	rig    *drive.Rig
	engine *drive.Engine
	repo   string
	canary *canary
	calm   calm
	server *server

	most                memory
	deeds, ops, refused atomic.Int64
}

// branches are those that are attacked. In main's worktree, the user's main checkout, are worktrees of the user's own.
var branches = []string{"x", "y", "feat/z", "main"}

// config is the user's own: a small container harms the machine less.
const config = "resources: {pids: 400, memory: 600m}\nnetwork: none\n"

// dockerfile is what instances have at first; calm has an image of its own.
const dockerfile = "FROM hjk-test/tmux:1\nRUN echo secret-of-root >/etc/rootkey && chmod 600 /etc/rootkey\n"

func newWorld(rnd *rand.Rand, deeds []deed, limit time.Duration) (*world, error) {
	dir, err := os.MkdirTemp("", "hjk-a")
	if err != nil {
		return nil, err
	}
	w := &world{rnd: rnd, chosen: deeds, limit: limit, dir: dir}
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
	w.repo, err = w.rig.Repo("repo", map[string]string{"Dockerfile": dockerfile, "code": "1\n", ".gitignore": ".worktrees\n"})
	if err != nil {
		return err
	}
	conf := filepath.Join(w.rig.Dir, "config", "headjack")
	if err := errors.Join(os.MkdirAll(conf, 0o755), os.WriteFile(filepath.Join(conf, "config.yaml"), []byte(config), 0o644)); err != nil {
		return err
	}
	if w.canary, err = w.newCanary(); err != nil {
		return err
	}
	if err := w.rig.Ordinary(); err != nil {
		return err
	}
	if w.server, err = w.serve(w.repo); err != nil {
		return err
	}
	if w.calm, err = w.newCalm(); err != nil {
		return err
	}
	return w.canary.arm()
}

func (w *world) close() error {
	if w.server != nil {
		w.server.Kill()
	}
	errs := []error{w.engine.Stop()}
	if w.rig != nil {
		if left := drive.Processes(w.rig.Bin); len(left) > 0 {
			errs = append(errs, fmt.Errorf("processes of hjk-ls are left: %v", left))
			kill(left...)
		}
	}
	return errors.Join(append(errs, removeAll(w.dir))...)
}

// removeAll deletes what agents may have made read-only.
func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// round does deeds in instances and operations on the host at once, and looks whether everything still holds.
func (w *world) round(n int, log io.Writer) error {
	deeds, _ := rounds.Draw([]rounds.Kind[*world]{deedKind}, w, branches, 4, w.rnd)
	ops, _ := rounds.Draw(kinds, w, branches, 4, w.rnd)
	all := slices.Concat(deeds, ops)
	fmt.Fprintf(log, "%4d %s\n", n, rounds.Names(all))
	was := w.most.own.Load()
	var errs []error
	for i, err := range rounds.Together(all) {
		if isBroken(err) {
			errs = append(errs, fmt.Errorf("%s: %w", all[i].What, err))
		} else if err != nil {
			w.refused.Add(1)
		}
	}
	_ = w.server.small() // for the log; settle asks again
	if is := w.most.own.Load(); is > was+was/4 {
		fmt.Fprintf(log, "     now at most %d MB in a hjk-ls\n", is>>10)
	}
	w.unlock()
	return errors.Join(append(errs, w.canary.whole())...)
}

// unlock is what a user does whose agent, on the main checkout, has locked that folder.
func (w *world) unlock() {
	for _, dir := range []string{w.repo, filepath.Join(w.repo, ".worktrees")} {
		if fi, err := os.Lstat(dir); err == nil && fi.IsDir() {
			_ = os.Chmod(dir, 0o755)
		}
	}
}

// settle looks at what takes long to look at.
func (w *world) settle() error {
	return errors.Join(w.calm.works(w), w.server.small(), w.leaks(), w.rootIsRoot())
}

// rootIsRoot looks whether an agent's user has become root in a container, or had root write what it wanted.
func (w *world) rootIsRoot() error {
	const script = `ls -ln /etc/passwd /etc/ld.so.preload 2>/dev/null; [ ! -e /etc/rootkey ] || { ls -ln /etc/rootkey; cat /etc/rootkey; }`
	for _, b := range branches {
		id, _, _, err := w.container(b)
		if err != nil || id == "" {
			continue // it was stopped meanwhile
		}
		out, err := w.rig.Do(w.dir, "timeout", "-s", "KILL", "60", "docker", "exec", "-u", "0", id, "sh", "-c", script)
		if err != nil {
			continue
		}
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); strings.Contains(line, "preload") || len(f) > 3 && f[2] != "0" || len(f) == 1 && line != "secret-of-root\n" {
				return broken("in the container of %s root did what the agent wanted: %s", b, out)
			}
		}
	}
	return nil
}

// end removes every instance, and looks what is left of them.
func (w *world) end() error {
	if err := w.settle(); err != nil {
		return err
	}
	for _, b := range append([]string{"calm"}, branches...) {
		err := w.hjk(w.repo, "rm", b, "--force")
		if e := (*drive.Error)(nil); err != nil && (!errors.As(err, &e) || e.Data.Code != "instance_not_found") {
			return fmt.Errorf("in the end: rm --force %s: %w", b, err)
		}
	}
	if err := w.server.close(); err != nil {
		return fmt.Errorf("in the end: %w", err)
	}
	left, err := w.rig.Left()
	if err != nil || len(left) > 0 {
		return errors.Join(fmt.Errorf("left in the end: %s", strings.Join(left, ", ")), err)
	}
	return errors.Join(w.canary.whole(), w.leaks())
}
