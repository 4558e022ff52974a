package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// tooLong is when a command counts as one that hangs.
const tooLong = 2 * time.Minute

// soon runs hjk-ls in dir. It must end, in whatever way.
func (r rig) soon(dir string, args ...string) (string, error) {
	r.Helper()
	cmd := r.Cmd(dir, r.Bin, args...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	var hangs atomic.Bool
	late := time.AfterFunc(tooLong, func() {
		hangs.Store(true)
		_ = cmd.Process.Signal(syscall.SIGQUIT) // its goroutines tell where
	})
	err := cmd.Wait()
	late.Stop()
	if hangs.Load() {
		r.Fatalf("hjk-ls %s hangs: %s", strings.Join(args, " "), stderr.String())
	}
	if err != nil {
		err = fmt.Errorf("hjk-ls %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return out.String(), err
}

// readers read files by name as hjk-ls did. They are the control: as long as they wait, so would hjk-ls.
type readers struct {
	names []string
	ended atomic.Int32
}

func readAll(names []string) *readers {
	c := &readers{names: names}
	for _, name := range names {
		go func() {
			_, _ = os.ReadFile(name)
			c.ended.Add(1)
		}()
	}
	return c
}

// waited checks that none has come to an end, and lets them.
func (c *readers) waited(t *testing.T) {
	t.Helper()
	if n := c.ended.Load(); n > 0 {
		t.Errorf("the control: %d of %v were read by name, so this shows nothing", n, c.names)
	}
	for end := time.Now().Add(patience); c.ended.Load() < int32(len(c.names)); time.Sleep(10 * time.Millisecond) {
		for _, name := range c.names {
			if f, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
				_ = f.Close()
			}
		}
		if time.Now().After(end) {
			t.Fatal("the control's readers do not end")
		}
	}
}

// TestNothingWaits has an agent put FIFOs wherever the host reads. What concerns its own instance ends and tells why it failed;
// other instances are not concerned.
func TestNothingWaits(t *testing.T) {
	r := newRig(t)
	r.attackRepo()
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	r.hjk("run", "y", "--image", "hjk-test/busybox:1", "--detach")
	x := r.x()
	r.inside(`mkdir -p sub; rm -f Dockerfile; rm -rf $G/refs $G/objects/pack $G/info
		mkfifo .gitignore .gitattributes sub/.gitignore .dockerignore Dockerfile Dockerfile.dockerignore .headjack.yaml .worktreeinclude .mailmap $G/refs $G/objects/pack $G/info; echo x >>code`)
	if _, err := r.Do(r.repo, "docker", "exec", "-u", "0", x.Container.ID, "sh", "-c", "cd /.headjack/run; mv sessions gone; mkfifo sessions"); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(r.Dir, "state/headjack/instances", x.Container.Name)
	control := readAll([]string{
		filepath.Join(x.Worktree, "sub/.gitignore"), filepath.Join(x.Worktree, "Dockerfile"), filepath.Join(x.Worktree, ".headjack.yaml"),
		filepath.Join(state, "run/sessions"),
	})
	for _, dir := range []string{r.repo, x.Worktree} {
		for _, args := range [][]string{{"ps", "--json"}, {"images"}, {"doctor"}, {"build"}, {"config"}, {"build-log"}} {
			_, err := r.soon(dir, args...)
			t.Log(dir, args, err)
		}
	}
	out, err := r.soon(r.repo, "ps", "--json")
	var all agents.ListResult
	if err != nil || json.Unmarshal([]byte(out), &all) != nil {
		t.Fatal(err)
	}
	for _, i := range all.Instances {
		if i.State != agents.StateRunning || i.Branch == "y" && (i.Git == nil || i.Git.State != "synced" || len(i.Sessions) != 1) {
			t.Errorf("%s is told to be %s, %+v, %+v", i.Branch, i.State, i.Git, i.Sessions)
		}
	}
	if _, err := r.soon(r.repo, "run", "z", "--image", "hjk-test/busybox:1", "--detach"); err != nil {
		t.Error(err)
	}
	if _, err := r.soon(r.repo, "rm", "x"); err == nil || !strings.Contains(err.Error(), "which is no plain file: delete it") {
		t.Errorf("rm of what cannot be looked at: %v", err)
	}
	r.serverGoesOn(x)
	control.waited(t)
	for _, args := range [][]string{{"stop", "x"}, {"rm", "x", "--force"}, {"rm", "y"}, {"rm", "z"}} {
		if _, err := r.soon(r.repo, args...); err != nil {
			t.Error(err)
		}
	}
	r.nothingLeft("in the end")
}

// serverGoesOn has a Dockerfile open while it becomes a FIFO, and closes it: then it is what is on the disk that counts.
func (r rig) serverGoesOn(x agents.Instance) {
	r.Helper()
	c := r.serve()
	doc := map[string]any{"uri": drive.FileURI(filepath.Join(x.Worktree, "Dockerfile")), "languageId": "dockerfile", "version": 1, "text": "FROM x\n"}
	for _, method := range []string{"textDocument/didOpen", "textDocument/didClose"} {
		if err := c.Notify(method, map[string]any{"textDocument": doc}); err != nil {
			r.Fatal(err)
		}
	}
	answer := make(chan error, 1)
	go func() {
		var res agents.ListResult
		if err := c.Command("hjk-ls.list", agents.ListArgs{}, &res); err != nil {
			answer <- err
			return
		}
		_ = c.Command("hjk-ls.changes", agents.ChangesArgs{Branch: "x"}, nil) // it may fail
		answer <- c.Close()
	}()
	select {
	case err := <-answer:
		if err != nil {
			r.Error(err)
		}
	case <-time.After(tooLong):
		r.Fatal("the server hangs")
	}
}
