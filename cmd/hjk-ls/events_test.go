package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEventsAndWaitsOutliveTheEngine: events goes on when the engine restarts, and tells what that did; a wait goes on while the engine
// does not answer, and tells in the end that the container runs no more.
func TestEventsAndWaitsOutliveTheEngine(t *testing.T) {
	e := ownEngine(t, "")
	r := rigOn(t, e.Host())
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--agent", "shell", "--detach")
	out := filepath.Join(r.Dir, "events")
	script := r.Cmd(r.repo, "sh", "-c", `exec "$0" events >"$1"`, r.Bin, out)
	must(t, script.Start())
	said := func(want string) bool {
		b, _ := os.ReadFile(out)
		return strings.Contains(string(b), want)
	}
	until := func(want string) {
		t.Helper()
		for end := time.Now().Add(patience); !said(want); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				b, _ := os.ReadFile(out)
				t.Fatalf("events did not tell %q:\n%s", want, b)
			}
		}
	}
	until("engine ready")
	waited := make(chan string, 1)
	go func() {
		b, _ := r.Cmd(r.repo, r.Bin, "wait", "x", "--for", "exit").CombinedOutput()
		waited <- string(b)
	}()
	select {
	case got := <-waited:
		t.Fatalf("the control: wait ended with %q", got)
	case <-time.After(2 * time.Second): // it has connected
	}
	must(t, e.Down())
	until("engine lost")
	must(t, e.Up())
	until("x stopped")
	select {
	case got := <-waited:
		if !strings.Contains(got, "x shell ") {
			t.Errorf("wait said %q", got)
		}
	case <-time.After(patience):
		t.Error("wait did not end")
	}
	r.hjk("run", "x", "--agent", "shell", "--detach")
	until("x started")
	must(t, script.Process.Signal(syscall.SIGTERM))
	if _ = script.Wait(); script.ProcessState.ExitCode() != 130 {
		t.Errorf("events ended with %v", script.ProcessState)
	}
}
