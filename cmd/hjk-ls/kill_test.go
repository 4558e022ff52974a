package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKilledAtAnyMoment kills hjk-ls with SIGKILL at many moments of run, recreate and rm; the next run works, and after
// the next rm nothing is left.
func TestKilledAtAnyMoment(t *testing.T) {
	host := os.Getenv("HJK_TEST_DOCKER_HOST")
	if host == "" {
		t.Fatal("needs a container engine: run make test")
	}
	dir := t.TempDir()
	t.Cleanup(func() { cleanUp(t, host, dir) })
	bin, repo := filepath.Join(dir, "hjk-ls"), filepath.Join(dir, "repo")
	must := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = repo
		if _, err := os.Stat(repo); err != nil {
			cmd.Dir = ""
		}
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+host, "HOME="+dir, "XDG_STATE_HOME="+dir+"/state", "XDG_DATA_HOME="+dir+"/data", "XDG_CONFIG_HOME="+dir+"/config")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	must("go", "build", "-o", bin, ".")
	must("git", "init", "-q", "-b", "main", repo)
	if err := os.WriteFile(filepath.Join(repo, "Dockerfile"), []byte("FROM hjk-test/busybox:1\nRUN echo x > /x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	must("git", "add", ".")
	must("git", "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-q", "-m", "start")
	killed := func(after time.Duration, args ...string) {
		cmd := exec.Command(bin, args...)
		cmd.Dir = repo
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+host, "HOME="+dir, "XDG_STATE_HOME="+dir+"/state", "XDG_DATA_HOME="+dir+"/data", "XDG_CONFIG_HOME="+dir+"/config")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for i := range 10 {
		after := time.Duration(i*35) * time.Millisecond
		killed(after, "run", "x", "--detach")
		must(bin, "ps")
		must(bin, "run", "x", "--detach")
		killed(after, "recreate", "x")
		must(bin, "run", "x", "--detach")
		if out := must(bin, "ps"); !strings.Contains(out, "running") {
			t.Fatalf("killed after %v: %s", after, out)
		}
		killed(after, "rm", "x", "--force")
		must(bin, "run", "x", "--detach")
		must(bin, "rm", "x", "--force", "--delete-branch")
		c, containers, volumes, err := leftovers(host, dir)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		left, _ := filepath.Glob(dir + "/data/headjack/git/*")
		more, _ := filepath.Glob(dir + "/state/headjack/instances/*")
		if left = append(append(append(left, more...), containers...), volumes...); len(left) > 0 {
			t.Fatalf("killed after %v: left %v", after, left)
		}
		if out := must("git", "branch", "--list", "x"); strings.TrimSpace(out) != "" && i > 0 {
			t.Logf("killed after %v: branch x is left, as a plain branch", after)
			must("git", "branch", "-D", "x")
		}
	}
}
