package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// killed starts hjk-ls and kills it with SIGKILL after a while.
func (r rig) killed(after time.Duration, args ...string) {
	r.Helper()
	cmd := r.Cmd(r.repo, r.Bin, args...)
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	time.Sleep(after)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// TestKilledAtAnyMoment kills hjk-ls with SIGKILL at many moments of run, recreate, stop and rm; the next command works,
// and after the next rm nothing is left.
func TestKilledAtAnyMoment(t *testing.T) {
	r := newRig(t)
	for i := range 12 {
		after := time.Duration(i*30) * time.Millisecond
		r.killed(after, "run", "x", "--detach")
		r.hjk("ps")
		r.hjk("run", "x", "--detach")
		r.killed(after, "recreate", "x")
		r.hjk("run", "x", "--detach")
		if s := r.x().State; s != "running" {
			t.Fatalf("killed after %v: x is %s", after, s)
		}
		r.killed(after, "stop", "x")
		r.hjk("stop", "x")
		if s := r.x().State; s != "stopped" {
			t.Fatalf("killed after %v: x is %s", after, s)
		}
		r.killed(after, "rm", "x", "--force")
		r.hjk("run", "x", "--detach")
		r.hjk("rm", "x", "--force", "--delete-branch")
		r.nothingLeft(fmt.Sprintf("killed after %v", after))
		// A killed rm may leave its branch as a plain one.
		r.sh("git branch --list x | grep -q . && git branch -q -D x || true")
	}
}

// TestKilledSync kills a sync at many moments, of a commit from inside and of one from the host; the next ps makes it good.
func TestKilledSync(t *testing.T) {
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	wt := r.x().Worktree
	for i := range 24 {
		after := time.Duration(i*4) * time.Millisecond
		name := fmt.Sprintf("f%d", i)
		if i%2 == 0 {
			r.inside("echo 1 >" + name + "; git add " + name + "; git commit -qm " + name)
		} else if _, err := r.Do(wt, "sh", "-ec", "echo 1 >"+name+"; git add "+name+"; git commit -qm "+name); err != nil {
			t.Fatal(err)
		}
		r.killed(after, "ps")
		if x := r.x(); x.Git.State != "synced" {
			t.Fatalf("killed after %v: %+v", after, x.Git)
		}
		if out, err := r.Do(wt, "sh", "-ec", "git log -1 --format=%s; git status --porcelain"); err != nil || out != name+"\n" {
			t.Fatalf("killed after %v: on the host: %v %s", after, err, out)
		}
		r.inside("test \"$(git log -1 --format=%s)\" = " + name + " -a -z \"$(git status --porcelain)\" || exit 9")
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}

// TestKilledBuild kills builds of a slow Dockerfile with SIGKILL at many moments: the step ends in the engine too, and the
// next build is whole.
func TestKilledBuild(t *testing.T) {
	r := newRig(t)
	mark := fmt.Sprintf("3%d", time.Now().UnixNano()%1e8) // a sleep nobody else has
	for i := range 8 {
		r.sh(fmt.Sprintf("printf 'FROM hjk-test/busybox:1\\nRUN echo %d\\nRUN sleep %s\\n' >Dockerfile.slow", i, mark))
		r.killed(time.Duration(i*60)*time.Millisecond, "build", "./Dockerfile.slow")
		r.killed(time.Duration(i*60)*time.Millisecond, "run", "slow", "--image", r.repo+"/Dockerfile.slow", "--detach")
	}
	deadline := time.Now().Add(patience)
	for strings.Contains(r.sh("ps -eo args"), "sleep "+mark) {
		if time.Now().After(deadline) {
			t.Fatal("a killed build goes on in the engine")
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.hjk("build")
	r.hjk("run", "slow", "--detach")
	r.hjk("rm", "slow")
	r.nothingLeft("after killed builds")
}

// TestContainerThatIsBeingRemoved has the engine at a removal that takes its time, as when the hjk-ls that asked for it was killed: run and
// stop wait for its end. Docker 28 tells nobody that it is at one; there they come while it is at it all the same.
func TestContainerThatIsBeingRemoved(t *testing.T) {
	r := newRig(t)
	for _, verb := range []string{"run", "stop"} {
		r.hjk("run", "x", "--detach")
		r.hjk("exec", "x", "--", "sh", "-c", "mkdir /tmp/many && cd /tmp/many && seq 40000 | xargs touch")
		id := r.x().Container.ID
		rm := r.Cmd(r.repo, "docker", "--host", r.Host, "rm", "-f", id)
		must(t, rm.Start())
		over := make(chan error, 1)
		go func() { over <- rm.Wait() }()
		removing := func() bool {
			return strings.Contains(r.docker("ps", "-aq", "--no-trunc", "--filter", "status=removing"), id)
		}
		for end := time.Now().Add(time.Second); !removing() && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		}
		if verb == "stop" {
			r.hjk("stop", "x")
		}
		r.hjk("run", "x", "--detach")
		must(t, <-over)
		if now := r.x(); now.State != "running" || now.Container.ID == id {
			t.Errorf("after %s x is %s", verb, now.State)
		}
		r.hjk("rm", "x", "--force", "--delete-branch")
	}
	r.nothingLeft("in the end")
}
