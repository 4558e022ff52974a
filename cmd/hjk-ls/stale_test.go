package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// talkers are agents that say how they were started: one that can resume, one that cannot, one that has nothing to
// resume, one that the shell's image does not have.
const talkers = `agents:
  talker: {command: [sh, -c, 'echo started-$0; sleep 100000'], resume: [again]}
  plain: {command: [sh, -c, 'echo plain-$0; sleep 100000']}
  empty: {command: [sh, -c, 'if [ "$0" = again ]; then echo nothing; exit 1; fi; echo fresh; sleep 100000'], resume: [again]}
  fragile: {command: [fragile]}
`

func TestRecreateBringsTheSessionsBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write(".headjack.yaml", talkers)
	base := "FROM hjk-test/busybox:1\nRUN printf '#!/bin/sh\\nsleep 100000\\n' > /bin/fragile && chmod +x /bin/fragile && echo " + rand.Text() + "\n"
	r.write("Dockerfile", base)
	r.sh("git add -A; git commit -qm x")
	for _, a := range []string{"talker", "plain", "empty", "fragile"} {
		r.hjk("run", "x", "--agent", a, "--detach")
	}
	r.hjk("run", "x", "--agent", "plain", "--session", "ended", "--detach")
	r.hjk("kill", "x", "ended")
	before := r.x()
	r.write(filepath.Join(before.Worktree, "Dockerfile"), base+"RUN rm /bin/fragile\n")
	var res agents.InstanceResult
	if err := json.Unmarshal([]byte(r.hjk("recreate", "x", "--json")), &res); err != nil {
		t.Fatal(err)
	}
	if res.Instance.Container.ID == before.Container.ID || res.Instance.Image.Stale {
		t.Fatalf("%+v", res.Instance)
	}
	for name, want := range map[string]string{"talker": "started-again", "plain": "plain-plain", "empty": "fresh"} {
		r.eventually(name+" is back", func() bool {
			for _, s := range r.x().Sessions {
				if s.Name == name && s.Agent == name && s.State == "running" {
					return strings.Contains(r.hjk("logs", "x", name), strings.Replace(want, "plain-plain", "plain-sh", 1))
				}
			}
			return false
		})
	}
	for _, s := range res.Instance.Sessions {
		if (s.Name == "fragile" || s.Name == "ended") && s.State != "exited" {
			t.Errorf("%+v", s)
		}
	}
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "fragile") {
		t.Errorf("warnings %q", res.Warnings)
	}
}

// TestAgentThatEditsItsDockerfile changes the Dockerfile in the worktree of a live instance, from inside.
func TestAgentThatEditsItsDockerfile(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write(".headjack.yaml", talkers)
	r.sh("git add -A; git commit -qm x")
	r.hjk("run", "x", "--agent", "talker", "--detach")
	first := r.x()
	watcher := r.edit(drive.Editor{}) // another editor, which does not answer
	e := r.edit(drive.Editor{})
	answer := make(chan string, 1)
	e.mu.Lock()
	e.answer = func(method string) any {
		if method == "window/showMessageRequest" {
			return func() any { return map[string]string{"title": <-answer} } // not under the lock, which everybody who waits needs
		}
		return nil
	}
	e.mu.Unlock()
	answer <- "Later"
	r.docker("exec", first.Container.Name, "sh", "-c", "echo 'RUN echo "+rand.Text()+"' >> "+first.Worktree+"/Dockerfile")
	e.await("hjk/instances", `"stale":true`)
	watcher.await("hjk/instances", `"stale":true`)
	if r.x().Container.ID != first.Container.ID || !r.x().Image.Stale {
		t.Fatalf("%+v", r.x())
	}
	var l lens
	uri := drive.FileURI(filepath.Join(first.Worktree, "Dockerfile"))
	e.tell("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "dockerfile", "version": 1, "text": "FROM x\n"}})
	r.eventually("the lens", func() (ok bool) {
		l, ok = e.lenses(uri)["0 Recreate x on the new image"]
		return ok
	})
	if err := e.Call("workspace/executeCommand", map[string]any{"command": l.Command.Command, "arguments": l.Command.Arguments}, nil); err != nil {
		t.Fatal(err)
	}
	second := r.x()
	if second.Container.ID == first.Container.ID || second.Image.Stale {
		t.Fatalf("%+v", second)
	}
	watcher.await("hjk/instances", second.Container.ID)
}

func TestRecreateSetting(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, setting := range []string{"ask", "auto", "never"} {
		r.write(".headjack.yaml", talkers+"recreate: "+setting+"\n")
		r.hjk("run", "x", "--agent", "talker", "--detach")
		first := r.x()
		e := r.edit(drive.Editor{})
		e.mu.Lock()
		e.answer = func(method string) any {
			if method == "window/showMessageRequest" {
				return map[string]string{"title": "Recreate"}
			}
			return nil
		}
		e.mu.Unlock()
		r.write(filepath.Join(first.Worktree, "Dockerfile"), "FROM hjk-test/busybox:1\nRUN echo "+rand.Text()+"\n")
		e.await("hjk/instances", `"stale":true`)
		if setting == "never" {
			time.Sleep(time.Second)
			if r.x().Container.ID != first.Container.ID {
				t.Errorf("%s: recreated", setting)
			}
		} else {
			r.eventually(setting+" recreates", func() bool {
				now := r.x()
				log, _ := r.Hjk(r.repo, "logs", "x", "talker") // the new container may not have the session yet
				return now.Container != nil && now.Container.ID != first.Container.ID && !now.Image.Stale && strings.Contains(log, "started-again")
			})
		}
		if _, asked := e.next("window/showMessageRequest", "new image"); asked != (setting == "ask") {
			t.Errorf("%s: asked is %v", setting, asked)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		r.hjk("rm", "x", "--force")
		if left, _ := filepath.Glob(r.Dir + "/state/headjack/builds/*"); len(left) != 0 {
			t.Errorf("%s: left of the worktree's builds: %v", setting, left)
		}
	}
	r.nothingLeft("in the end")
}

func TestTwoEditorsBuildOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.edit(drive.Editor{}), r.edit(drive.Editor{})
	for i := range 5 {
		r.write("Dockerfile", fmt.Sprintf("FROM hjk-test/busybox:1\nRUN sleep 0.5; echo %s-%d\n", rand.Text(), i))
		for _, e := range []*editor{a, b} {
			e.built("running")
			e.built("succeeded")
			e.silent("one build is told once")
		}
	}
	var ids []string
	files, _ := filepath.Glob(r.Dir + "/state/headjack/builds/*.log*")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, string(text))
	}
	if len(ids) != 5 {
		t.Errorf("%d builds of 5 saves", len(ids))
	}
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN exit 9\n")
	for _, e := range []*editor{a, b} {
		e.built("failed")
		e.diagnosed("exit code: 9")
	}
}

func TestNothingIsBuiltWithoutLeave(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{Options: map[string]any{"trusted": false}})
	save := func() { r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN echo "+rand.Text()+"\n") }
	save()
	e.silent("an untrusted folder")
	for command, args := range map[string]string{"run": `{"branch":"x"}`, "build": `{}`, "recreate": `{"branch":"x"}`} {
		err := e.Command("hjk-ls."+command, json.RawMessage(args), nil)
		if err == nil || !strings.Contains(err.Error(), "untrusted_workspace") {
			t.Errorf("%s in an untrusted folder: %v", command, err)
		}
	}
	e.tell("hjk/trust", map[string]any{"trusted": true})
	time.Sleep(300 * time.Millisecond)
	save()
	e.built("succeeded")
	r.write(".headjack.yaml", "build: {on: manual}\n")
	save()
	e.silent("build.on: manual")
	var res agents.BuildResult
	if err := e.Command("hjk-ls.build", map[string]any{}, &res); err != nil || res.Image == "" {
		t.Error(err)
	}
	e.built("succeeded")
	r.write(".headjack.yaml", "build: {on: save, secrets: [HOME]}\n")
	save()
	e.await("$/progress", "asks for power")
	r.nothingLeft("in the end")
}
