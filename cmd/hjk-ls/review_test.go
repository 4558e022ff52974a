package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// TestReview looks at what an agent did the way an editor shows it.
func TestReview(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sh("printf 'one\\n' > changed; printf 'gone\\n' > deleted; printf 'a long line that moves\\n' > old; git add -A; git commit -qm base")
	r.hjk("run", "x", "--agent", "shell", "--detach")
	x := r.x()
	r.docker("exec", "-w", x.Worktree, x.Container.Name, "sh", "-c", "echo two >> changed; rm deleted; mv old new; echo hi > 'untracked file'; printf 'a\\000b' > binary")
	r.sh("echo later >> changed; git commit -qam 'after x left'")
	e := r.edit(drive.Editor{})
	var c agents.ChangesResult
	must(t, e.Command("hjk-ls.changes", agents.ChangesArgs{Branch: "x"}, &c))
	var got []string
	for _, f := range c.Files {
		got = append(got, f.Status+" "+f.Path)
	}
	want := []string{"added binary", "modified changed", "deleted deleted", "added new", "deleted old", "added untracked file"}
	if !slices.Equal(got, want) || c.Worktree != x.Worktree {
		t.Errorf("%q %+v", got, c)
	}
	for path, text := range map[string]string{"changed": "one\n", "deleted": "gone\n"} {
		var f agents.FileResult
		must(t, e.Command("hjk-ls.file", agents.FileArgs{Commit: c.Commit, Path: path}, &f))
		if f.Text != text {
			t.Errorf("%s was %q", path, f.Text)
		}
	}
	var f agents.FileResult
	must(t, e.Command("hjk-ls.file", agents.FileArgs{Commit: c.Commit, Path: "untracked file"}, &f))
	if !f.Absent {
		t.Errorf("%+v", f)
	}
	if err := e.Command("hjk-ls.file", agents.FileArgs{Commit: "--upload-pack=x", Path: "changed"}, nil); err == nil {
		t.Error("no error for a commit that is none")
	}
	var dry agents.RemoveResult
	must(t, e.Command("hjk-ls.remove", agents.RemoveArgs{Branch: "x", DryRun: true}, &dry))
	if dry.Removed || !strings.Contains(dry.Lost, "untracked file") || r.x().State != agents.StateRunning {
		t.Errorf("%+v", dry)
	}
}

// TestNamesThatAreNotUTF8 has an agent change files whose names JSON cannot have: they are asked for by their URIs, and told to a person
// with the bytes spelled out. What an engine could not keep is refused.
func TestNamesThatAreNotUTF8(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sh(`d=$(printf 'd\377'); mkdir "$d"; echo was >"$d/$(printf 'caf\351')"; echo same >"$(printf 'moves\376')"; echo made-'*' >.gitignore; git add -A; git commit -qm base`)
	r.hjk("run", "x", "--agent", "shell", "--image", "hjk-test/tmux:1", "--detach")
	x := r.x()
	r.inside(`cd "$(printf 'd\377')"; echo is >"$(printf 'caf\351')"; cd ..; git mv "$(printf 'moves\376')" "$(printf 'moved\375')" && git commit -qm moved; echo w >"$(printf 'new\374')"; echo w >"$(printf 'made-\373')"; echo w >'Grüße %41'`)
	e := r.edit(drive.Editor{})
	var c agents.ChangesResult
	must(t, e.Command("hjk-ls.changes", agents.ChangesArgs{Branch: "x"}, &c))
	at := "file://" + x.Worktree
	want := []agents.FileChange{
		{Path: "Grüße %41", Status: "added"},
		{Path: `d\xff/caf\xe9`, Status: "modified", URI: at + "/d%FF/caf%E9"},
		{Path: `moved\xfd`, From: `moves\xfe`, Status: "renamed", URI: at + "/moved%FD", FromURI: at + "/moves%FE"},
		{Path: `new\xfc`, Status: "added", URI: at + "/new%FC"},
	}
	if !slices.Equal(c.Files, want) {
		t.Errorf("%+v", c.Files)
	}
	for uri, text := range map[string]string{at + "/d%FF/caf%E9": "was\n", at + "/moves%FE": "same\n", "file://" + r.repo + "/d%ff/caf%e9": "was\n", at + "/.gitignore": "made-*\n"} {
		var f agents.FileResult
		must(t, e.Command("hjk-ls.file", agents.FileArgs{Commit: c.Commit, URI: uri}, &f))
		if f.Text != text {
			t.Errorf("%s was %+v", uri, f)
		}
	}
	for _, uri := range []string{"file:///elsewhere/x", "https://example.com/x", ""} {
		if err := e.Command("hjk-ls.file", agents.FileArgs{Commit: c.Commit, URI: uri}, nil); err == nil {
			t.Errorf("no error for %q", uri)
		}
	}
	var dry agents.RemoveResult
	must(t, e.Command("hjk-ls.remove", agents.RemoveArgs{Branch: "x", DryRun: true}, &dry))
	if !strings.Contains(dry.Lost, `d\xff/caf\xe9`) || !strings.Contains(dry.Lost, `new\xfc`) || !slices.Equal(dry.Ignored, []string{`made-\xfb`}) {
		t.Errorf("%+v", dry)
	}
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nCOPY . /all\n")
	r.fails(`not UTF-8, such as d\xff`, "build")
	r.write(".dockerignore", "d?\nmoves?\n")
	r.hjk("build")
	r.sh(`git branch "$(printf 'b\351')"`)
	r.fails(`branch b\xe9 is not UTF-8`, "run", "b\xe9", "--image", "hjk-test/tmux:1", "--detach")
	odd := filepath.Join(r.Dir, "f\xe9")
	r.sh("git clone -q . '" + odd + "'")
	if _, err := r.Hjk(odd, "run", "y", "--image", "hjk-test/tmux:1", "--detach"); err == nil || !strings.Contains(err.Error(), `is not UTF-8, and an engine cannot mount it`) {
		t.Error(err)
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}

// TestChoices asks for what a user can choose from.
func TestChoices(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write(".headjack.yaml", "agent: helper\nagents:\n  helper:\n    command: [sh]\n")
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN echo "+rand.Text()+"\n")
	r.sh("git add -A; git commit -qm x; git branch other; git update-ref refs/remotes/origin/far HEAD; git update-ref refs/remotes/origin/other HEAD; git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/far")
	e := r.edit(drive.Editor{})
	var c agents.ChoicesResult
	must(t, e.Command("hjk-ls.choices", agents.ChoicesArgs{}, &c))
	var names []string
	for _, b := range c.Branches {
		names = append(names, b.Remote+"/"+b.Name)
		if b.Current != (b.Name == "main") {
			t.Errorf("%+v", b)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"/main", "/other", "origin/far"}) {
		t.Errorf("branches %q", names)
	}
	if c.Images[0] != (agents.ImageChoice{Image: "./Dockerfile", Source: "dockerfile"}) {
		t.Errorf("images %+v", c.Images)
	}
	if !slices.Contains(c.Agents, agents.AgentChoice{Name: "helper", Default: true}) || !slices.Contains(c.Agents, agents.AgentChoice{Name: "claude"}) {
		t.Errorf("agents %+v", c.Agents)
	}
}

// TestFoldersAreTold switches the branch of a folder, and makes one a repository.
func TestFoldersAreTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	plain := filepath.Join(r.Dir, "plain")
	must(t, os.MkdirAll(plain, 0o755))
	e := r.edit(drive.Editor{Folders: []string{r.repo, plain}})
	e.await("hjk/instances", `"branch":"main"},{"path":"`+plain+`","message":"`)
	r.sh("git switch -qc elsewhere")
	e.await("hjk/instances", `"branch":"elsewhere"`)
	r.sh("git init -q -b fresh " + plain)
	last := e.await("hjk/instances", `"path":"`+plain+`","repo":"`+plain+`","branch":"fresh"`)
	if !strings.Contains(string(last), `"engine":{"reachable":true}`) {
		t.Errorf("%s", last)
	}
}

// TestActionsOnFailedStep asks for the quick fixes of a step that failed.
func TestActionsOnFailedStep(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN echo "+rand.Text()+" && false\n")
	e := r.edit(drive.Editor{})
	uri := e.open()
	if err := e.Command("hjk-ls.build", agents.BuildArgs{}, nil); err == nil {
		t.Fatal("the build succeeds")
	}
	e.await("textDocument/publishDiagnostics", "build_failed")
	type action struct {
		Title   string
		Command struct {
			Command   string
			Arguments []any
		}
	}
	at := func(line int) []action {
		pos := map[string]int{"line": line, "character": 0}
		return ask[[]action](e, "textDocument/codeAction", map[string]any{
			"textDocument": map[string]string{"uri": uri}, "range": map[string]any{"start": pos, "end": pos}, "context": map[string]any{"diagnostics": []any{}},
		})
	}
	if got := at(0); len(got) != 0 {
		t.Errorf("on FROM: %+v", got)
	}
	got := at(1)
	if len(got) != 3 || got[0].Title != "Show the build's log" {
		t.Fatalf("%+v", got)
	}
	for _, a := range got {
		err := e.Call("workspace/executeCommand", map[string]any{"command": a.Command.Command, "arguments": a.Command.Arguments}, nil)
		if failed := err != nil; failed != strings.HasPrefix(a.Title, "Build") {
			t.Errorf("%s: %v", a.Title, err)
		}
	}
}

// TestActionsBuildTheirOwnTarget has two stages that fail.
func TestActionsBuildTheirOwnTarget(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("Dockerfile", "FROM hjk-test/busybox:1 AS a\nRUN echo "+rand.Text()+"; exit 1\nFROM hjk-test/busybox:1 AS b\nRUN echo "+rand.Text()+"; exit 2\n")
	e := r.edit(drive.Editor{})
	uri := e.open()
	for _, target := range []string{"a", "b"} {
		if err := e.Command("hjk-ls.build", agents.BuildArgs{Target: target}, nil); err == nil {
			t.Fatal("the build succeeds")
		}
		e.diagnosed("build_failed")
	}
	for line, target := range map[int]string{1: "a", 3: "b"} {
		pos := map[string]int{"line": line, "character": 0}
		got := ask[[]struct {
			Command struct{ Arguments []struct{ Target string } }
		}](e, "textDocument/codeAction", map[string]any{
			"textDocument": map[string]string{"uri": uri}, "range": map[string]any{"start": pos, "end": pos}, "context": map[string]any{"diagnostics": []any{}},
		})
		if len(got) != 3 {
			t.Fatalf("%+v", got)
		}
		for _, a := range got {
			if a.Command.Arguments[0].Target != target {
				t.Errorf("line %d: %+v", line, a)
			}
		}
	}
}
