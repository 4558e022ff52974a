package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Somebody who is not root, and a group that may use the engine.
const (
	somebody = 12345
	group    = 12346
)

// TestFilesBelongToTheHostsUser works as a user other than root, with images whose user is root, a number and a name. What
// the agent makes is the user's, git works, and the home lives through stop and recreate.
func TestFilesBelongToTheHostsUser(t *testing.T) {
	r := newRig(t)
	sock := strings.TrimPrefix(r.Host, "unix://")
	must(t, os.Chmod(filepath.Dir(sock), 0o711))
	must(t, os.Chown(sock, 0, group))
	must(t, os.Chmod(sock, 0o660))
	must(t, os.Chmod(filepath.Dir(r.Dir), 0o755))
	r.sh(`git config user.name S; git config user.email s@example.com
printf 'FROM hjk-test/tmux:1\nUSER 4711\n' >Dockerfile.number; printf 'FROM hjk-test/tmux:1\nRUN echo dev:x:1000:1000::/home/dev:/bin/bash >>/etc/passwd && mkdir -p /home/dev && touch /home/dev/of-image && chown -R 1000:1000 /home/dev\nUSER dev\n' >Dockerfile.name
printf 'FROM hjk-test/tmux:1\n' >Dockerfile.root; git add -A; git commit -qm images; mkdir -p ../config/headjack
echo "agents: {worker: {command: [bash, -c, 'echo made >made; mkdir d; echo kept >\$HOME/kept; git add made; git commit -qm made && echo work-done; sleep 100']}, teller: {command: [bash, -c, 'echo home: \$(cat \$HOME/kept) \$(ls \$HOME); sleep 100']}}" >../config/headjack/config.yaml
chown -R 12345:12345 "$HOME"; chmod 755 "$HOME"`)
	as := func(args ...string) string {
		t.Helper()
		out, err := r.Do(r.repo, "setpriv", append([]string{"--reuid", "12345", "--regid", "12345", "--groups", "12346", r.Bin}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	await := func(branch, session, want string) {
		t.Helper()
		deadline := time.Now().Add(patience)
		for !strings.Contains(as("logs", branch, session), want) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %q did not come: %s", branch, want, as("logs", branch, session))
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	for _, user := range []string{"root", "number", "name"} {
		as("run", user, "--image", "./Dockerfile."+user, "--agent", "worker", "--detach")
		await(user, "worker", "work-done")
		as("ps")
		as("stop", user)
		as("run", user, "--agent", "teller", "--session", "after-stop", "--detach")
		await(user, "after-stop", "home: kept")
		as("recreate", user)
		as("run", user, "--agent", "teller", "--session", "after-recreate", "--detach")
		await(user, "after-recreate", "home: kept")
		if user == "name" {
			await(user, "after-recreate", "of-image")
		}
		wts, err := filepath.Glob(r.Dir + "/data/headjack/git/hjk-" + user + "-*")
		if err != nil || len(wts) != 1 {
			t.Fatal(wts, err)
		}
		for _, name := range []string{"made", "d", "."} {
			fi, err := os.Stat(filepath.Join(wts[0], name))
			if err != nil || fi.Sys().(*syscall.Stat_t).Uid != somebody {
				t.Errorf("%s: %s belongs to %+v %v", user, name, fi, err)
			}
		}
		out, err := exec.Command("find", r.Dir, "-not", "-uid", "12345").Output()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: not the user's: %s %v", user, out, err)
		}
		out2, err := r.Do(r.repo, "setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups", "git", "log", "-1", "--format=%s %an", user)
		if err != nil || out2 != "made S\n" && !strings.HasPrefix(out2, "made ") {
			t.Errorf("%s: on the host: %s %v", user, out2, err)
		}
		as("rm", user, "--force", "--delete-branch")
	}
	r.nothingLeft("in the end")
}
