package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// TestWhatRanComesBackAfterTheMachine ends the engine in each way that a machine does: restarted in order, its power gone, and dockerd killed,
// which ends what it finds when it is back. What ran on two branches comes back with one command, and what had ended stays so.
func TestWhatRanComesBackAfterTheMachine(t *testing.T) {
	e := ownEngine(t, "")
	r := rigOn(t, e.Host())
	r.write(".headjack.yaml", `image: hjk-test/busybox:1
agents:
  goer: {command: [sh, -c, 'echo ${1-begun} >>told; sleep 10000', goer], resume: [went on]}
  quick: {command: ['true']}
`)
	r.hjk("run", "a", "--agent", "goer", "--detach")
	r.hjk("run", "a", "--agent", "quick", "--detach")
	r.hjk("run", "b", "--agent", "goer", "--detach")
	told := func(branch string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(r.on(branch).Worktree, "told"))
		must(t, err)
		return string(b)
	}
	r.await("both run", func() bool { return told("a") == "begun\n" && told("b") == "begun\n" })
	times := 0
	for _, end := range []struct {
		how  string
		ends func() error
	}{{"restarted", e.Down}, {"power failed", e.Crash}, {"dockerd killed", e.Kill}} {
		must(t, end.ends())
		must(t, e.Up())
		r.await(end.how+": what ran comes back", func() bool {
			return slices.Contains(r.sessions("a"), "goer comes back") && slices.Contains(r.sessions("b"), "goer comes back")
		})
		if slices.Contains(r.sessions("a"), "quick comes back") {
			t.Errorf("%s: what had ended is to come back", end.how)
		}
		out := r.hjk("start", "-a")
		if !strings.Contains(out, "a: goer came back") || !strings.Contains(out, "b: goer came back") || strings.Contains(out, "quick") {
			t.Errorf("%s: start said %q", end.how, out)
		}
		times++
		want := "begun\n" + strings.Repeat("went on\n", times)
		r.await(end.how+": both went on", func() bool { return told("a") == want && told("b") == want })
	}
	r.hjk("rm", "a", "--force")
	r.hjk("rm", "b", "--force")
	r.nothingLeft("in the end")
}

// on is what ps tells of a branch, which must be there.
func (r rig) on(branch string) agents.Instance {
	r.Helper()
	i, err := r.Instance(r.repo, branch)
	if err != nil || i == nil {
		r.Fatalf("ps of %s: %v %v", branch, i, err)
	}
	return *i
}

// sessions are those of a branch, each with its state.
func (r rig) sessions(branch string) []string {
	var all []string
	for _, s := range r.on(branch).Sessions {
		state := s.State
		if s.ComesBack {
			state = "comes back"
		}
		all = append(all, s.Name+" "+state)
	}
	return all
}

func (r rig) await(what string, there func() bool) {
	r.Helper()
	for end := time.Now().Add(patience); !there(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("in %v it did not come to be that %s", patience, what)
		}
	}
}
