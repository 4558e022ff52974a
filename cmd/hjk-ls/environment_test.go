package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// environment is a project as agents work on: a list of dependencies by its name, and all the rest in folders.
const environment = "FROM hjk-test/busybox:1\nCOPY package.json lib*.txt /app/\nRUN echo %s > /all; cat /app/package.json >> /all\nCOPY src /app/src\nCOPY . /project\n"

func environmentRig(t *testing.T) rig {
	r := newRig(t)
	r.write(".headjack.yaml", talkers)
	r.write("Dockerfile", fmt.Sprintf(environment, rand.Text()))
	r.write("package.json", "1\n")
	r.write("lib1.txt", "1\n")
	r.write("src/a", "1\n")
	r.sh("git add -A; git commit -qm project")
	return r
}

// TestWhatAnAgentWritesBuildsNothing has an agent that works: only what its image's environment is made from builds.
func TestWhatAnAgentWritesBuildsNothing(t *testing.T) {
	t.Parallel()
	r := environmentRig(t)
	r.hjk("run", "x", "--agent", "talker", "--detach")
	first := r.x()
	inside := func(script string) {
		t.Helper()
		r.docker("exec", "-w", first.Worktree, first.Container.Name, "sh", "-ec", script)
	}
	e := r.look(drive.Editor{})
	e.settled()
	for _, c := range []struct{ name, script string }{
		{"a file of a folder that is copied", "echo 2 > src/a"},
		{"a new one, in a new folder", "mkdir -p src/new; echo 2 > src/new/b"},
		{"a file of a pattern", "echo 2 > lib1.txt; echo 2 > lib2.txt"},
		{"a file of all that is copied", "echo 2 > notes.md"},
		{"the folder away, and back", "mv src away; sleep 0.5; mv away src"},
		{"a comment", "echo '# hello' >> Dockerfile"},
	} {
		inside(c.script)
		e.silent(c.name)
	}
	if now := r.x(); now.Image.Stale {
		t.Errorf("stale without a build: %+v", now.Image)
	}
	if n := watches(t, e.Pid()); n > 20 {
		t.Errorf("%d watches", n)
	}
	for _, c := range []struct{ name, script, file, want string }{
		{"a file that is named", "echo two > package.json", "/all", "two"},
		{"what the folders have meanwhile is in the image", "echo three > package.json; echo 3 > src/a", "/app/src/a", "3"},
		{"the ignore file", "echo src/new > .dockerignore", "/all", "three"},
		{"the Dockerfile", "echo 'RUN echo four >> /all' >> Dockerfile", "/all", "four"},
	} {
		inside(c.script)
		if got := r.cat(e.built("succeeded").Image, c.file); !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	r.eventually("it is stale", func() bool { return r.x().Image.Stale })
	inside("echo 5 > src/a")
	e.silent("a folder again")
	r.hjk("recreate", "x")
	if now := r.x(); now.Image.Stale || r.cat(now.Image.ID, "/app/src/a") != "5" {
		t.Errorf("a new container has an image of what is there: %+v", now.Image)
	}
	e.forgetBuilds()
	r.write(filepath.Join(first.Worktree, "Dockerfile"), "FROM hjk-test/busybox:1\nCOPY package.json dist /\n")
	e.built("failed")
	e.settled()
	r.write(filepath.Join(first.Worktree, "dist/a"), "1\n")
	e.built("succeeded") // the failure for want of a folder is over
	r.sh("rm -r " + filepath.Join(first.Worktree, "dist"))
	r.write(filepath.Join(first.Worktree, "dist/a"), "2\n")
	e.silent("a folder that is made anew")
	r.hjk("run", "y", "--agent", "talker", "--detach") // and so has a new instance
	r.userConfig("build: {on: inputs}\n")
	e.settled()
	e.forgetBuilds()
	inside = func(script string) {
		r.docker("exec", "-w", first.Worktree, r.x().Container.Name, "sh", "-ec", script)
	}
	inside("echo 6 > dist/a")
	if got := r.cat(e.built("succeeded").Image, "/a"); got != "6" {
		t.Errorf("build.on: inputs built with %q", got)
	}
}

// TestTwoServersBuildOneEnvironment has folders that are written while two servers see the same change of a file that is named.
func TestTwoServersBuildOneEnvironment(t *testing.T) {
	t.Parallel()
	r := environmentRig(t)
	a, b := r.edit(drive.Editor{}), r.edit(drive.Editor{})
	for range 3 {
		done := r.keepsWriting("src/a") // each look of each server finds another folder, also while the other builds
		r.write("package.json", rand.Text())
		for _, e := range []*editor{a, b} {
			e.built("running")
			e.built("succeeded")
		}
		done()
		for _, e := range []*editor{a, b} {
			e.silent("one build is told once")
		}
	}
	if logs, _ := filepath.Glob(r.Dir + "/state/headjack/builds/*.log*"); len(logs) != 3 {
		t.Errorf("%d builds of 3 changes", len(logs))
	}
}

// keepsWriting writes a file again and again until it is told to end.
func (r rig) keepsWriting(name string) (end func()) {
	ended, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-ended:
				return
			case <-time.After(5 * time.Millisecond):
				r.write(name, rand.Text())
			}
		}
	}()
	return func() { close(ended); <-over }
}

// TestNothingIsBuiltWhereNobodyWorks has a folder open in which there is neither an instance nor an open Dockerfile.
func TestNothingIsBuiltWhereNobodyWorks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.look(drive.Editor{})
	e.settled()
	text := func() string { return "FROM hjk-test/busybox:1\nRUN echo " + rand.Text() + "\n" }
	save := func(s string) { r.write("Dockerfile", s) }
	closed := func(uri string) {
		e.tell("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": uri}})
	}
	save(text())
	e.silent("nothing is open")
	other := e.show("main.go", "package main\n")
	e.tell("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": other}})
	uri := e.show("Dockerfile", "")
	e.silent("opened after it was written")
	save(text())
	e.built("succeeded")
	closed(uri)
	e.settled()
	save(text())
	e.silent("closed")
	uri = e.show("docker/other.dockerfile", "") // of the same folder
	e.settled()
	save(text())
	e.built("succeeded")
	closed(uri)
	e.settled()
	uri = e.show("Dockerfile", "") // vim's :wq
	s := text()
	save(s)
	e.tell("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": uri}, "text": s})
	closed(uri)
	e.built("succeeded")
	r.hjk("run", "x", "--agent", "shell", "--detach")
	e.settled()
	e.forgetBuilds()
	r.write(filepath.Join(r.x().Worktree, "Dockerfile"), text())
	e.built("succeeded")
	save(text())
	e.silent("an instance of another folder")
}

// askedEditor is an editor that answers questions late.
type askedEditor struct {
	*editor
	answers chan string // closed, it closes all questions
}

func (r rig) questioned() askedEditor {
	q := askedEditor{r.look(drive.Editor{}), make(chan string)}
	q.mu.Lock()
	q.answer = func(method string) any {
		if method != "window/showMessageRequest" {
			return nil
		}
		return func() any {
			if title := <-q.answers; title != "" {
				return map[string]string{"title": title}
			}
			return nil
		}
	}
	q.mu.Unlock()
	q.settled()
	return q
}

// asked tells how often was asked.
func (q askedEditor) asked() (n int) {
	for _, h := range q.all() {
		switch h.method {
		case "window/showMessageRequest":
			n++
		case "$/cancelRequest":
			q.Error("a question was withdrawn")
		}
	}
	return n
}

// TestOneQuestionAnInstance has two editors, of which at most one asks at a time. Its answer is about the image that is the newest then.
func TestOneQuestionAnInstance(t *testing.T) {
	t.Parallel()
	r := environmentRig(t)
	r.hjk("run", "x", "--agent", "talker", "--detach")
	first := r.x()
	both := []askedEditor{r.questioned(), r.questioned()}
	change := func() {
		t.Helper()
		for _, q := range both {
			q.forgetBuilds()
		}
		r.write(filepath.Join(first.Worktree, "package.json"), rand.Text())
		for _, q := range both {
			q.built("succeeded")
		}
	}
	total := func() int { return both[0].asked() + both[1].asked() }
	answer := func(title string) {
		t.Helper()
		select {
		case both[0].answers <- title:
		case both[1].answers <- title:
		case <-time.After(time.Minute):
			t.Fatal("no question is open")
		}
	}
	for range 4 {
		change()
		r.eventually("it is asked", func() bool { return total() == 1 })
		time.Sleep(300 * time.Millisecond)
		if n := total(); n != 1 {
			t.Fatalf("%d questions", n)
		}
	}
	answer("Later")
	refused := filepath.Join(r.Dir, "state/headjack/instances", first.Container.Name, "refused-image")
	r.eventually("the answer is remembered, for the newest image", func() bool {
		image, err := os.ReadFile(refused)
		return err == nil && string(image) == r.docker("image", "inspect", "-f", "{{.Id}}", first.Image.Ref)
	})
	for _, q := range both {
		if err := q.Command("hjk-ls.build", map[string]any{"workspace": first.Worktree}, nil); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Second)
	if n := total(); n != 1 {
		t.Errorf("asked again about the same image: %d questions", n)
	}
	if r.x().Container.ID != first.Container.ID {
		t.Error("recreated without an answer")
	}
	change()
	r.eventually("it is asked of a newer image", func() bool { return total() == 2 })
	change() // while that is open
	answer("Recreate")
	r.eventually("it is recreated on the newest image", func() bool {
		x := r.x()
		return x.Container != nil && x.Container.ID != first.Container.ID && x.State == "running" && !x.Image.Stale
	})
	time.Sleep(time.Second)
	if n := total(); n != 2 {
		t.Errorf("%d questions after two answers", n)
	}
}
