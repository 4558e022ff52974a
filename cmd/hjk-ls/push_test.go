package main

import (
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gitServer serves the repositories below dir by git's own HTTP backend to who has the token, on an address that containers
// reach.
func gitServer(t *testing.T, r rig, dir, token string) string {
	t.Helper()
	gateway, err := r.Do(r.repo, "docker", "network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}")
	must(t, err)
	core, err := exec.Command("git", "--exec-path").Output()
	must(t, err)
	l, err := net.Listen("tcp", net.JoinHostPort(strings.TrimSpace(gateway), "0"))
	must(t, err)
	backend := &cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(core)), "git-http-backend"), Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=t"}}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, pass, _ := req.BasicAuth(); pass != token {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, req)
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return "http://" + l.Addr().String()
}

// TestPushNeedsPermission pushes from inside: without permission it fails, with it the token reaches the session, and nothing
// else.
func TestPushNeedsPermission(t *testing.T) {
	r := newRig(t)
	const token = "t0ken-of-git-9912"
	t.Setenv("MY_GIT_TOKEN", token)
	r.sh("git config user.name T; git config user.email t@example.com; git init -q --bare ../served/repo.git; git -C ../served/repo.git config http.receivepack true")
	r.sh("git remote add origin " + gitServer(t, r, filepath.Join(r.Dir, "served"), token) + "/repo.git")
	agent := "agents: {pusher: {command: [bash, -c, 'git commit -q --allow-empty -m pushed; GIT_TERMINAL_PROMPT=0 git push -q origin HEAD:refs/heads/done && echo it-is-pushed || echo push-refused; sleep 100']}}\n"
	config := filepath.Join(r.Dir, "config", "headjack", "config.yaml")
	must(t, os.MkdirAll(filepath.Dir(config), 0o755))
	push := func(want string) {
		t.Helper()
		r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--agent", "pusher", "--detach")
		deadline := time.Now().Add(patience)
		for !strings.Contains(r.hjk("logs", "x"), want) {
			if time.Now().After(deadline) {
				t.Fatalf("%s did not come: %s", want, r.hjk("logs", "x"))
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	must(t, os.WriteFile(config, []byte(agent), 0o644))
	push("push-refused")
	r.hjk("rm", "x", "--force", "--delete-branch")
	r.sh("git branch -D x 2>/dev/null || true")
	must(t, os.WriteFile(config, []byte(agent+"git: {token: MY_GIT_TOKEN}\n"), 0o644))
	push("it-is-pushed")
	if got := r.sh("git -C ../served/repo.git log -1 --format=%s done"); got != "pushed" {
		t.Fatal(got)
	}
	if found, _ := r.Do(r.repo, "sh", "-c", `grep -rl `+token+` "$HOME/state" "$HOME/data" .git; docker inspect $(docker ps -q --filter label=io.headjack.repo=$PWD) | grep `+token); found != "" {
		t.Errorf("the token is in %s", found)
	}
	r.hjk("rm", "x", "--force")

	// The repository cannot give itself the permission.
	must(t, os.WriteFile(config, []byte(agent), 0o644))
	must(t, os.WriteFile(filepath.Join(r.repo, ".headjack.yaml"), []byte("git: {token: MY_GIT_TOKEN}\n"), 0o644))
	r.fails("git.token=MY_GIT_TOKEN", "run", "y", "--image", "hjk-test/tmux:1", "--detach")
	must(t, os.Remove(filepath.Join(r.repo, ".headjack.yaml")))

	// The ssh agent is there when it is allowed.
	agentEnv := r.sh("ssh-agent -s | sed -n 's/^SSH_AUTH_SOCK=\\([^;]*\\).*/\\1/p; s/^SSH_AGENT_PID=\\([0-9]*\\).*/\\1/p'")
	sock, pid, _ := strings.Cut(agentEnv, "\n")
	t.Cleanup(func() { _ = exec.Command("kill", pid).Run() })
	t.Setenv("SSH_AUTH_SOCK", sock)
	must(t, os.WriteFile(config, []byte("agents: {asker: {command: [bash, -c, 'ssh-add -l; sleep 100']}}\ngit: {ssh: true}\n"), 0o644))
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--agent", "asker", "--detach")
	deadline := time.Now().Add(patience)
	for !strings.Contains(r.hjk("logs", "x"), "The agent has no identities") {
		if time.Now().After(deadline) {
			t.Fatal(r.hjk("logs", "x"))
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}
