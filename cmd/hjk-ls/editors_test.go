package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// TestEveryWayToSaveADockerfile saves the Dockerfile itself, and what is beside it, as editors and tools do.
func TestEveryWayToSaveADockerfile(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.inputs()
	r.write("new", "FROM hjk-test/busybox:1\nRUN echo SALT > /x\n")
	r.write("src/a", "a\n")
	r.sh("cp new Dockerfile; git add -A; git commit -qm x")
	e := r.edit(drive.Editor{})
	salt := rand.Text()
	for i, c := range []struct{ name, script string }{
		{"truncate and write", `text > Dockerfile`},
		{"truncate, later write", `: > Dockerfile; sleep 0.2; text > Dockerfile`},
		{"two halves", `text | head -c 30 > Dockerfile; sleep 0.02; text > Dockerfile`},
		{"VS Code on some systems: write beside, rename", `text > .Dockerfile.tmp; mv .Dockerfile.tmp Dockerfile`},
		{"vim with backupcopy=no", `touch 4913; rm 4913; mv Dockerfile Dockerfile~; text > Dockerfile; chmod 644 Dockerfile; rm Dockerfile~`},
		{"vim with backupcopy=yes", `cp Dockerfile Dockerfile~; text > Dockerfile; rm Dockerfile~`},
		{"Emacs: lock, rename to a backup", `ln -s me@here:1 .#Dockerfile; mv Dockerfile Dockerfile~; text > Dockerfile; rm .#Dockerfile`},
		{"JetBrains: safe write", `text > Dockerfile___jb_tmp___; mv Dockerfile Dockerfile___jb_old___; mv Dockerfile___jb_tmp___ Dockerfile; rm Dockerfile___jb_old___`},
		{"sed -i", `text > t; cat t > /dev/null; mv t Dockerfile; sed -i "s/^RUN/RUN true \&\&/" Dockerfile`},
		{"delete and make again", `rm Dockerfile; sleep 0.7; text > Dockerfile`},
		{"mv of another", `text > other; mv -f other Dockerfile`},
		{"git checkout of a commit", `text > Dockerfile; git commit -qam "$S"; git checkout -qf HEAD^ -- Dockerfile; sleep 1.5; git checkout -qf HEAD -- Dockerfile`},
		{"git stash pop", `text > Dockerfile; git stash -q; sleep 1.5; git stash pop -q`},
		{"the folder's owner touches it", `text > Dockerfile; touch Dockerfile; chmod 600 Dockerfile`},
		{"a link in its place", `text > real; ln -sf real Dockerfile`},
		{"the link's target, by rename", `text > real~; mv real~ real`},
		{"a file in the link's place", `rm Dockerfile; text > Dockerfile`},
		{"a better name", `mkdir .headjack; text > .headjack/Dockerfile`},
		{"which goes again", `text > Dockerfile; rm -r .headjack`},
	} {
		want := fmt.Sprintf("%d-%s", i, salt)
		r.sh("export S=" + want + `; text() { sed "s/SALT/$S/" new; }; ` + c.script)
		for r.cat(e.built("succeeded").Image, "/x") != want { // what was there on the way may have been built too
			t.Logf("%s: on the way", c.name)
		}
		e.silent(c.name)
	}
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nCOPY src /src\nRUN ls /src > /x; echo "+salt+" >> /x\n")
	e.built("succeeded")
	r.write("Dockerfile.dockerignore", "src/a\n")
	r.write("src/b", "b\n")
	for r.cat(e.built("succeeded").Image, "/x") != "b\n"+salt {
	}
	r.write(".dockerignore", "src/b\n")
	e.silent("the one beside the Dockerfile stands for it")
	r.sh("rm Dockerfile.dockerignore")
	if got := r.cat(e.built("succeeded").Image, "/x"); got != "a\n"+salt {
		t.Errorf("built with %q", got)
	}
}

// TestFailureRangesCountAsEditorsDo has what makes bytes, characters and lines differ.
func TestFailureRangesCountAsEditorsDo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{})
	salt := rand.Text()
	n := len(salt)
	for name, c := range map[string]struct {
		text string
		want span
	}{
		"surrogate pairs":  {"FROM hjk-test/busybox:1\n\tRUN echo 😀%s😀; exit 9\n", span{position{1, 1}, position{1, 22 + n}}},
		"CRLF":             {"FROM hjk-test/busybox:1\r\n# 😀\r\nRUN echo %s && \\\r\n  exit 9 \r\nRUN true\r\n", span{position{2, 0}, position{3, 8}}},
		"escape":           {"# escape=`\nFROM hjk-test/busybox:1\nRUN echo %s && `\n\n  exit 9\n", span{position{2, 0}, position{4, 8}}},
		"two heredocs":     {"FROM hjk-test/busybox:1\nRUN cat <<A - <<-\"B\" && exit 9\n%s\nA\n\tb 😀\n\tB\nRUN true\n", span{position{1, 0}, position{5, 2}}},
		"no end of line":   {"FROM hjk-test/busybox:1\nRUN echo %s && \\\n exit 9", span{position{1, 0}, position{2, 7}}},
		"in another stage": {"FROM hjk-test/busybox:1 AS a\nRUN echo 😀%s; \\\n  exit 9\nFROM hjk-test/busybox:1\nCOPY --from=a /x /x\n", span{position{1, 0}, position{2, 8}}},
		"the same twice":   {"FROM hjk-test/busybox:1 AS a\nRUN test -e /y || { touch /y; echo %s; }\nRUN test ! -e /y || exit 9\nFROM a\nRUN true\n", span{position{2, 0}, position{2, 26}}},
		"two that fail":    {"FROM hjk-test/busybox:1 AS a\nRUN echo %s; exit 9\nFROM hjk-test/busybox:1 AS b\nRUN echo later; sleep 5; exit 8\nFROM scratch\nCOPY --from=a / /a\nCOPY --from=b / /b\n", span{position{1, 0}, position{1, 17 + n}}},
	} {
		r.write("Dockerfile", strings.Replace(c.text, "%s", salt, 1))
		e.built("failed")
		d := e.diagnosed(`"build_failed"`)
		if len(d.Diagnostics) != 1 || d.Diagnostics[0].Range != c.want || !strings.Contains(d.Diagnostics[0].Message, "exit code: 9") {
			t.Errorf("%s: %+v, not %+v", name, d.Diagnostics, c.want)
		}
	}
}

// TestFailureLeavesTheContainerAlone fails in the worktree of a live instance.
func TestFailureLeavesTheContainerAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write(".headjack.yaml", talkers+"recreate: auto\n")
	r.hjk("run", "x", "--agent", "talker", "--detach")
	first := r.x()
	e := r.edit(drive.Editor{})
	r.write(filepath.Join(first.Worktree, "Dockerfile"), "FROM hjk-test/busybox:1\nRUN echo "+rand.Text()+"; exit 3\n")
	e.built("failed")
	e.silent("after a failure")
	now := r.x()
	if now.Container.ID != first.Container.ID || now.State != "running" || now.Image.Stale || !now.Container.StartedAt.Equal(first.Container.StartedAt) || now.Sessions[0].State != "running" {
		t.Errorf("%+v", now)
	}
}

// TestServerThatEndsEndsItsBuilds ends one by exit, by the end of its input, and by SIGKILL.
func TestServerThatEndsEndsItsBuilds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, end := range map[string]func(e *editor) error{
		"exit":    func(e *editor) error { return e.Close() },
		"SIGTERM": func(e *editor) error { err := syscall.Kill(e.Pid(), syscall.SIGTERM); e.Ended(); return err },
		"SIGKILL": func(e *editor) error { e.Kill(); return nil },
	} {
		e := r.edit(drive.Editor{})
		seconds := fmt.Sprint(100000 + time.Now().UnixNano()%100000)
		r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN sleep "+seconds+"\n")
		e.built("running")
		r.eventually("the step runs", func() bool { return running("sleep " + seconds) })
		if err := end(e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		r.eventually(name+" ends the step", func() bool { return !running("sleep " + seconds) })
		e = r.edit(drive.Editor{})
		e.silent(name)
		var log struct{ State string }
		if err := e.Command("hjk-ls.buildLog", map[string]any{}, &log); err != nil || log.State != "canceled" {
			t.Errorf("%s: %+v %v", name, log, err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestEveryProgressEnds begins many builds, of which most are superseded, and counts what editors show.
func TestEveryProgressEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{})
	salt := rand.Text()
	for i := range 25 {
		r.write("Dockerfile", fmt.Sprintf("FROM hjk-test/busybox:1\nRUN sleep 0.%d; echo %s-%d > /x\n", i%4, salt, i))
		time.Sleep(time.Duration(80+i*17%160) * time.Millisecond)
	}
	for r.cat(e.built("succeeded").Image, "/x") != salt+"-24" {
	}
	e.silent("after the last")
	open, states := map[string]bool{}, map[string]int{}
	for _, h := range e.all() {
		var p struct {
			Token json.RawMessage
			Value struct{ Kind string }
			State string
		}
		_ = json.Unmarshal(h.params, &p) // of others there are none
		switch token := string(p.Token); h.method {
		case "window/workDoneProgress/create":
			open[token] = true
		case "$/progress":
			if !open[token] {
				t.Errorf("%s of one that is not open", h.params)
			}
			if p.Value.Kind == "end" {
				delete(open, token)
			}
		case "hjk/build":
			states[p.State]++
		}
	}
	if len(open) != 0 {
		t.Errorf("never ended: %v", open)
	}
	if states["running"] != states["canceled"]+states["succeeded"]+states["failed"] {
		t.Errorf("told were %v", states)
	}
}
