package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestEngineEndsDuringSetup takes the engine away while a setup runs: run says that no engine answers, and the next one, when it is
// back, knows that the setup has not ended well, and begins it again before the agent.
func TestEngineEndsDuringSetup(t *testing.T) {
	e := ownEngine(t, "")
	r := rigOn(t, e.Host())
	r.write(".headjack.yaml", "setup: 'echo >>begun; while test ! -e go; do sleep 0.1; done'\nagents: {idle: {command: [cat]}}\n")
	run := []string{"run", "x", "--image", "hjk-test/busybox:1", "--agent", "idle", "--detach"}
	for _, end := range []struct {
		how  string
		ends func() error
	}{{"restarted", e.Down}, {"killed", e.Kill}, {"power failed", e.Crash}} {
		var said bytes.Buffer
		cmd := r.Cmd(r.repo, r.Bin, run...)
		cmd.Stderr = &said
		must(t, cmd.Start())
		r.awaitSetup("running")
		must(t, end.ends())
		if err := cmd.Wait(); err == nil {
			t.Fatalf("%s: run ended well", end.how)
		}
		if text := said.String(); !strings.Contains(text, "when the engine is back, go on with: hjk-ls run x") && !strings.Contains(text, "its container was stopped") {
			t.Fatalf("%s: %s", end.how, text)
		}
		must(t, e.Up())
		r.awaitSetup("failed")
		x := r.x()
		must(t, os.WriteFile(filepath.Join(x.Worktree, "go"), nil, 0o600))
		r.hjk(run...)
		begun, err := os.ReadFile(filepath.Join(x.Worktree, "begun"))
		must(t, err)
		x = r.x()
		if times := bytes.Count(begun, []byte("\n")); times != 2 || x.Setup != "" || len(x.Sessions) != 2 {
			t.Fatalf("%s: begun %d times, %+v", end.how, times, x)
		}
		r.hjk("rm", "x", "--force")
	}
	r.nothingLeft("in the end")
}

// awaitSetup waits until the setup of branch x is in state.
func (r rig) awaitSetup(state string) {
	r.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		all, err := r.Instances(r.repo)
		if err == nil && len(all) == 1 && all[0].Setup == state {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("the setup is not %s: %+v %v", state, all, err)
		}
	}
}
