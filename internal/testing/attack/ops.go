//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/internal/testing/rounds"
)

// command makes a kind of a command line, in which BRANCH is the branch.
func command(weight int, args ...string) rounds.Kind[*world] {
	return rounds.Kind[*world]{Weight: weight, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		line := make([]string, len(args))
		for i, a := range args {
			if line[i] = a; a == "BRANCH" {
				line[i] = b
			}
		}
		return rounds.Op{What: fmt.Sprint(line), Do: func() error { return w.counted(w.hjk(w.repo, line...)) }}
	}}
}

// request makes a kind of a command of the server's, about a branch or about none.
func request(weight int, name string, branch bool) rounds.Kind[*world] {
	return rounds.Kind[*world]{Weight: weight, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		args, what := map[string]any{}, "server "+name
		if branch {
			args["branch"], what = b, what+" "+b
		}
		return rounds.Op{What: what, Do: func() error { return w.counted(w.server.do("hjk-ls."+name, args)) }}
	}}
}

var kinds = []rounds.Kind[*world]{
	command(14, "run", "BRANCH", "--detach"),
	command(6, "ps"),
	command(3, "ps", "--all"),
	command(3, "images", "--offline"),
	command(3, "doctor"),
	command(2, "config"),
	command(4, "logs", "BRANCH", "-n", "-1"),
	command(4, "stop", "BRANCH"),
	command(3, "kill", "BRANCH", "shell"),
	command(5, "recreate", "BRANCH"),
	command(3, "rm", "BRANCH"),
	command(4, "rm", "BRANCH", "--force"),
	command(3, "build"),
	command(1, "prune", "--yes"),
	request(6, "run", true),
	request(3, "list", false),
	request(3, "changes", true),
	request(2, "logs", true),
	request(2, "stop", true),
	request(2, "recreate", true),
	request(2, "choices", false),
	request(1, "images", false),
	request(2, "attach", true),
	request(1, "doctor", false),
	{Weight: 2, Make: func(w *world, b string, rnd *rand.Rand) rounds.Op {
		path := []string{"giant", "code", "link/key", ".headjack.yaml", "lib/dep", "d/up/key"}[rnd.IntN(6)]
		return rounds.Op{What: "server file " + b + ":" + path, Do: func() error {
			return w.counted(w.server.do("hjk-ls.file", map[string]any{"commit": b, "path": path}))
		}}
	}},
	{Weight: 2, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "server remove, dry, " + b, Do: func() error {
			return w.counted(w.server.do("hjk-ls.remove", map[string]any{"branch": b, "dryRun": true}))
		}}
	}},
	{Weight: 4, Make: func(w *world, b string, rnd *rand.Rand) rounds.Op {
		args := [][]string{{"ps"}, {"run", b, "--detach"}, {"recreate", b}, {"rm", b, "--force"}, {"build"}, {"stop", b}, {"images"}}[rnd.IntN(7)]
		after := time.Duration(rnd.IntN(800)) * time.Millisecond
		return rounds.Op{What: fmt.Sprintf("%v asked to end after %v", args, after), Do: func() error { return w.counted(w.ends(after, args...)) }}
	}},
	{Weight: 8, Make: func(w *world, b string, rnd *rand.Rand) rounds.Op {
		n := rnd.IntN(1000)
		return rounds.Op{What: "edit in " + b, Do: func() error { return w.counted(w.edit(b, n)) }}
	}},
	{Weight: 6, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "git in " + b, Do: func() error { return w.git(b) }}
	}},
}

func (w *world) counted(err error) error {
	w.ops.Add(1)
	return err
}

// tree is the worktree of a branch, as git knows it; "" when it has none.
func (w *world) tree(branch string) string {
	script := `git worktree list --porcelain | grep -B2 -xF "branch refs/heads/$1" | sed -n 's/^worktree //p'`
	out, err := w.rig.Do(w.repo, "sh", "-c", script, "sh", branch)
	if err != nil || out == "" {
		return ""
	}
	return out[:len(out)-1]
}

// edit opens an editor in the worktree of a branch, saves a Dockerfile there, and asks for this and that.
func (w *world) edit(branch string, n int) error {
	dir := w.tree(branch)
	if fi, err := os.Stat(dir); dir == "" || err != nil || !fi.IsDir() {
		return nil
	}
	s, err := w.serve(dir)
	if err != nil {
		return broken("a server in %s: %v", dir, err)
	}
	doc := map[string]any{
		"uri": drive.FileURI(filepath.Join(dir, "Dockerfile")), "languageId": "dockerfile", "version": 1,
		"text": fmt.Sprintf("FROM hjk-test/busybox:1\nCOPY . /ctx\nRUN echo %d\n", n),
	}
	_ = s.Notify("textDocument/didOpen", map[string]any{"textDocument": doc})
	_ = s.Notify("textDocument/didSave", map[string]any{"textDocument": doc})
	time.Sleep(time.Duration(n%3) * time.Second) // the user looks at it
	for _, method := range []string{"textDocument/codeLens", "textDocument/inlayHint"} {
		params := map[string]any{"textDocument": doc, "range": map[string]any{
			"start": map[string]int{"line": 0, "character": 0}, "end": map[string]int{"line": 3, "character": 0},
		}}
		if err := s.call(method, params); isBroken(err) {
			s.Kill()
			return err
		}
	}
	for name, args := range map[string]map[string]any{
		"hjk-ls.changes": {"branch": branch}, "hjk-ls.list": {}, "hjk-ls.build": {}, "hjk-ls.buildLog": {},
	} {
		if err := s.do(name, args); isBroken(err) {
			s.Kill()
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	_ = s.Notify("textDocument/didClose", map[string]any{"textDocument": doc})
	return s.close()
}

// git is what the user and an editor do with git in the worktree of a branch, and in one of their own. What git makes of
// what it finds is git's business; it starts nothing.
func (w *world) git(branch string) error {
	for _, dir := range []string{w.tree(branch), w.rig.Dir + "/mine", w.repo + "/.worktrees/within", w.repo} {
		if fi, err := os.Stat(dir); dir == "" || err != nil || !fi.IsDir() {
			continue
		}
		script := `for c in "status --porcelain" "diff --stat" "log -2" "stash list" "submodule status" "branch --list"; do timeout -s KILL 10 git $c; done </dev/null`
		_, _ = w.rig.Do(dir, "sh", "-c", "PATH=$HOME/bin:$PATH; export PAGER=cat; "+script)
	}
	return nil
}
