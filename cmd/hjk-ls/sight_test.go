package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// startedEngine is an engine of a test's own, which ends with it.
func startedEngine(t *testing.T, start func(dir string) (*drive.Engine, error)) *drive.Engine {
	t.Helper()
	dir, err := drive.EngineDir()
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	e, err := start(dir)
	must(t, err)
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// TestEngineThatRemapsUsers: with dockerd --userns-remap the agent's files are the user's, what root made in a container is given
// back, and doctor tells of it, and of what the engine warns of. The control is a container that is not exempt.
func TestEngineThatRemapsUsers(t *testing.T) {
	l, port := listen(t, 0)
	must(t, l.Close())
	e := startedEngine(t, func(dir string) (*drive.Engine, error) { return drive.StartRemapped(dir, port) })
	r := rigOn(t, e.Host())
	if out := r.sh("docker run --rm -u " + me + " -v " + r.repo + ":/r hjk-test/busybox:1 touch /r/f 2>&1 || true"); !strings.Contains(out, "denied") {
		t.Errorf("the control: the engine remaps nobody, so this shows nothing: %s", out)
	}
	out := r.sh(r.Bin + " doctor 2>&1 || true")
	for _, want := range []string{"it remaps users (userns-remap)", "ok   files", "the engine warns: API is accessible on http://127.0.0.1:" + fmt.Sprint(port)} {
		if !strings.Contains(out, want) {
			t.Errorf("doctor does not say %q: %s", want, out)
		}
	}
	if out := r.sh(r.Bin + " run x --image hjk-test/tmux:1 --detach 2>&1"); !strings.Contains(out, "outside of the engine's user namespace") {
		t.Errorf("run: %s", out)
	}
	x := r.x()
	r.inside("echo 1 >f; git add f; git commit -qm inside; echo home >/root/f; id -u >uid")
	r.x() // brings the commit over
	if got := r.sh("git log -1 --format=%s x; cat " + x.Worktree + "/uid; stat -c %u:%g " + x.Worktree + "/f"); got != fmt.Sprintf("inside\n%d\n%s", os.Getuid(), me) {
		t.Errorf("%q", got)
	}
	r.sh("docker exec -u 0 " + x.Container.ID + " sh -c 'mkdir " + x.Worktree + "/roots; touch " + x.Worktree + "/roots/f'")
	r.sh("rm -f " + x.Worktree + "/uid")
	r.hjk("recreate", "x")
	r.inside("test $(cat /root/f) = home || exit 9")
	r.hjk("run", "built", "--detach") // by the repository's Dockerfile, with a RUN
	r.hjk("rm", "built", "--delete-branch")
	r.hjk("rm", "x", "--force", "--delete-branch")
	r.nothingLeft("in the end")
}

// TestEngineWithoutTheHostsFiles: an engine that has other files than this host is recognised, and nothing is made, and nothing
// that is there is lost.
func TestEngineWithoutTheHostsFiles(t *testing.T) {
	hidden := filepath.Dir(t.TempDir())
	e := startedEngine(t, func(dir string) (*drive.Engine, error) { return drive.StartBlind(dir, hidden) })
	r := rigOn(t, e.Host())
	told := "the engine at " + e.Host() + " does not see " + r.Dir
	r.fails(told, "run", "x", "--image", "hjk-test/busybox:1", "--detach")
	r.nothingLeft("after run")
	r.sh("printf 'FROM hjk-test/busybox:1\nRUN sleep 1000\n' >Dockerfile.slow")
	r.fails(told, "run", "x", "--image", r.repo+"/Dockerfile.slow", "--detach") // before what would be in vain
	r.nothingLeft("after run with a build")
	if got := r.sh("git branch --list x; git worktree list | wc -l"); got != "1" {
		t.Errorf("left %s", got)
	}
	out := r.sh(r.Bin + " doctor 2>&1 && echo well || true")
	if !strings.Contains(out, "FAIL files") || !strings.Contains(out, told) || strings.Contains(out, "well") {
		t.Errorf("doctor: %s", out)
	}
	c := r.serve()
	if _, err := run(c, "x"); err == nil || !strings.Contains(err.Error(), told) {
		t.Errorf("run of a server: %v", err)
	}
	must(t, c.Close())
	r.nothingLeft("in the end")
}
