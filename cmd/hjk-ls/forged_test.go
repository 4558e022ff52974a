package main

import (
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// forge waits for a command of the helper, stops it, and writes in its place to its standard output.
func forge(verb, say string) string {
	return `echo $$ >>/tmp/forgers; while :; do for p in /proc/[0-9]*; do
		mapfile -d '' -t a <$p/cmdline 2>/dev/null || continue
		[ "${a[1]}" = session ] && [ "${a[2]}" = ` + verb + ` ] || continue
		kill -STOP ${p#/proc/}; echo $$ ${p#/proc/} >/tmp/forged; ` + say + ` >$p/fd/1; kill -9 ${p#/proc/}; exit
	done; done`
}

// whole is an answer of the helper's, but for its name.
func whole(name string) string {
	return `printf '%s\n' '{"ok":true,"state":{"name":"` + name + `","agent":"shell","kind":"pty","state":"running","pid":1}}'`
}

// TestForgedAnswers lets a process of the session's user answer in the place of the helper.
func TestForgedAnswers(t *testing.T) {
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	id := r.x().Container.ID
	attack := func(verb, say string) {
		r.sh("docker exec " + id + " bash -c 'read -r a b </tmp/forged; kill -9 $a $b; rm -f /tmp/forged; for p in $(cat /tmp/forgers); do kill -9 $p; done; rm -f /tmp/forgers' 2>/dev/null || true; docker exec -d " + id + " bash -c '" + strings.ReplaceAll(forge(verb, say), "'", `'\''`) + "'")
	}
	for i, c := range []struct{ name, verb, say, want string }{
		{"a flood", "start", "exec cat /dev/zero", "said more than 65536 bytes"},
		{"a flood of text without an end", "start", "while :; do printf x; done", "said more than 65536 bytes"},
		{"a flood of errors", "kill", "exec cat /dev/zero >$p/fd/2", "said more than 65536 bytes"},
		{"a name that a shell would run", "start", whole(`NAME $(touch /tmp/PWNED)`), "not of the session that was asked for"},
		{"another session's name", "start", whole("shell"), "not of the session that was asked for"},
		{"a name that goes on", "start", whole("NAME-02"), "not of the session that was asked for"},
		{"no answer", "start", `printf '\033]52;c;eA==\007\033[31m\n'`, `said "]52;c;eA==[31m"`},
		{"a refusal that moves the cursor", "start", `printf '%s\n' '{"code":"x","message":"\u001b[2J\u009b1mred\nnew line"}'`, "[2J1mred new line"},
		{"silence", "kill", "exec sleep 1000", "has not answered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for try := 1; ; try++ {
				name := fmt.Sprintf("s%d-%d", i, try)
				args := []string{"run", "x", "--session", name, "--detach"}
				if c.verb == "kill" {
					r.hjk(args...)
					args = []string{"kill", "x", name}
				}
				attack(c.verb, strings.ReplaceAll(c.say, "NAME", name))
				cmd := r.Cmd(r.repo, r.Bin, args...)
				out, err := cmd.CombinedOutput()
				if _, late := r.Do(r.repo, "docker", "exec", id, "bash", "-c", "test -e /tmp/forged"); late != nil && try < 20 {
					continue // the helper was quicker than who looks for it
				}
				if err == nil || !strings.Contains(string(out), c.want) || strings.ContainsAny(string(out), "\x1b\u009b") {
					t.Errorf("%v %q; wanted %q", err, out, c.want)
				}
				if used := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; used > 200<<10 {
					t.Errorf("%d KiB of memory", used)
				}
				return
			}
		})
	}
	t.Run("control", func(t *testing.T) {
		attack("start", "exec cat /dev/zero")
		cmd := exec.Command("docker", "--host", r.Host, "exec", "-i", id, "/.headjack/bin/hjk-shim", "session", "start")
		in, err := cmd.StdinPipe()
		must(t, err)
		defer in.Close()
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		end := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer end.Stop()
		n, err := io.Copy(io.Discard, io.LimitReader(out, 8<<20))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if n < 8<<20 {
			t.Errorf("who reads all gets only %d bytes, %v: so this shows nothing", n, err)
		}
	})
	r.sh("docker kill " + id) // what is stopped obeys nothing else
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}

// TestLogOfPID1IsShort: what is written to the standard output of PID 1 does not fill the host's disk. Its control is a container
// that is made as usual.
func TestLogOfPID1IsShort(t *testing.T) {
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	usual := r.sh("docker run --rm -d hjk-test/tmux:1 sleep 1000")
	t.Cleanup(func() { r.sh("docker rm -f " + usual) })
	for id, short := range map[string]bool{r.x().Container.ID: true, usual: false} {
		n, err := strconv.Atoi(r.sh("docker exec " + id + ` bash -c 'head -c 8000000 /dev/zero | tr "\0" x >/proc/1/fd/1; echo; echo end >/proc/1/fd/1'
			for i in $(seq 200); do docker logs ` + id + ` 2>&1 | tail -c 10 | grep -q end && break; sleep 0.1; done; docker logs ` + id + ` 2>&1 | wc -c`))
		if err != nil || short != (n < 3<<20) {
			t.Errorf("short %v: %d bytes are kept, %v", short, n, err)
		}
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}
