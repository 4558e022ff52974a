package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// glass is the terminal of a user: it keeps what reaches it, and what nobody has read of what it sent.
type glass struct {
	*testing.T
	cmd           *exec.Cmd
	master, slave *os.File

	mu  sync.Mutex
	got strings.Builder
}

func watchThrough(t *testing.T, cmd *exec.Cmd) *glass {
	t.Helper()
	master, slave, err := pty.Open()
	must(t, err)
	must(t, pty.Setsize(master, &pty.Winsize{Cols: 100, Rows: 30}))
	g := &glass{T: t, cmd: cmd, master: master, slave: slave}
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		slave.Close()
		master.Close()
	})
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			g.mu.Lock()
			g.got.Write(buf[:n])
			g.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return g
}

func (g *glass) text() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got.String()
}

func (g *glass) await(what string) {
	g.Helper()
	for end := time.Now().Add(patience); !strings.Contains(g.text(), what); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			g.Fatalf("%q did not come: %q", what, g.text())
		}
	}
}

func (g *glass) send(keys string) {
	g.Helper()
	_, err := g.master.WriteString(keys)
	must(g.T, err)
}

// ended waits for the command, and checks that the terminal is as it was.
func (g *glass) ended() {
	g.Helper()
	done := make(chan error, 1)
	go func() { done <- g.cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(patience):
		g.Fatalf("it does not end: %q", g.text())
	}
	if n, err := unix.IoctlGetInt(int(g.slave.Fd()), unix.TIOCINQ); err != nil || n > 0 {
		g.Errorf("%d bytes are left for who reads the terminal next (%v)", n, err)
	}
	g.await(always) // what it wrote last may still be on its way
	got := g.text()
	for on, off := range undone {
		if at := strings.LastIndex(got, on); at >= 0 && strings.LastIndex(got, off) < at {
			g.Errorf("%q is not undone by %q: %q", on, off, got)
		}
	}
}

// always ends what undoes a program's settings.
const always = "\x1b[4l\x0f\x1b(B\x1b)B\x1b>\x1b[0m\x1b[23;0t"

// undone is what programs set, and what undoes it.
var undone = map[string]string{
	"\x1b[?1003h": "\x1b[?1003l", "\x1b[?1006h": "\x1b[?1006l", "\x1b[?2004h": "\x1b[?2004l", "\x1b[?1h": "\x1b[?1l", "\x1b[?25l": "\x1b[?25h", "\x1b[4h": "\x1b[4l",
	"\x1b[3;5r": "\x1b[r", "\x1b(0": "\x1b(B", "\x0e": "\x0f", "\x1b=": "\x1b>", "\x1b[>4;2m": "\x1b[>4m", "\x1b[5 q": "\x1b[0 q", "\x1b[>1u": "\x1b[<3u", "\x1b]8;;https": "\x1b]8;;\x1b\\",
	"\x1b[31m": "\x1b[0m", "\x1b[?1049h": "\x1b[?1049l", "\x1b]2;": "\x1b[23;0t",
}

// wished passes, sets is undone, and forbidden does not pass.
var (
	wished    = []string{"\x1b]52;c;aGVsbG8=", "\x1b]8;;https://example.com/\x1b\\", "\x1b[31m"}
	sets      = "\x1b[31m\x1b[?1003h\x1b[?1006h\x1b[?2004h\x1b[?1h\x1b[4h\x1b[3;5r\x1b(0\x0e\x1b=\x1b[>4;2m\x1b[5 q\x1b[>1u\x1b]2;mine\a\x1b[?25l"
	questions = []string{"\x1b[c", "\x1b[>c", "\x1b[>q", "\x1b[5n", "\x1b[6n", "\x1b[?u", "\x1b]11;?\x1b\\", "\x1b]52;c;?\x1b\\", "\x1bP$qm\x1b\\", "\x1b[21t", "\x1b[?2026$p"}
	forbidden = []string{"\x1b]8;;file:///etc/passwd", "\x1b_G", "\x1b]11;red", "\x1b[?2031h", "\x1b]9;note", "\x1b]1337;", "\x1b[3J"}
)

const noisy = `stty raw -echo
cat said
cat >answers
`

// TestGlass shows what of a program's output reaches its user's terminal, and how that is left, in both kinds of session.
func TestGlass(t *testing.T) {
	said := strings.Join(wished, "\x1b\\") + "\x1b\\" + strings.Join(forbidden, "\x1b\\") + "\x1b\\" + sets + strings.Join(questions, "")
	r := newRig(t)
	must(t, os.WriteFile(filepath.Join(r.repo, "said"), []byte(said), 0o644))
	must(t, os.WriteFile(filepath.Join(r.repo, "noisy.sh"), []byte(noisy), 0o644))
	must(t, os.WriteFile(filepath.Join(r.repo, ".headjack.yaml"), []byte("agents:\n  noisy: {command: [sh, noisy.sh]}\n"), 0o644))
	r.sh("git add -A; git commit -qm noisy")
	attach := func(args ...string) *glass {
		return watchThrough(t, r.Cmd(r.repo, r.Bin, append([]string{"attach"}, args...)...))
	}
	passes := func(g *glass, kind string) {
		t.Helper()
		g.await("\x1b[?1003h")
		got := g.text()
		for _, w := range append(forbidden, questions...) {
			if strings.Contains(got, w) {
				t.Errorf("%s: %q reached the terminal", kind, w)
			}
		}
	}

	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--agent", "noisy", "--detach")
	wt := r.x().Worktree
	answered := func() string {
		b, _ := os.ReadFile(filepath.Join(wt, "answers"))
		return string(b)
	}
	for end := time.Now().Add(patience); !strings.Contains(answered(), "\x1b[?2026;2$y") && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	for _, a := range []string{"\x1b[?62;22c", "\x1b[>1;277;0c", "\x1bP>|hjk-ls\x1b\\", "\x1b[0n", "R\x1b[?1u", "\x1b]11;rgb:", "\x1b]52;c;\x1b\\", "\x1bP0$r\x1b\\"} {
		if !strings.Contains(answered(), a) {
			t.Errorf("a program that nobody watches is not answered %q: %q", a, answered())
		}
	}

	// The keys that detach come as the program wanted them; a mouse moves at that time.
	g := attach("x", "noisy")
	passes(g, "again")
	g.send("\x1b[98;5u\x1b[98;5:3ud\x1b[<35;10;10M")
	g.ended()
	g.await("detached from noisy")

	// It writes while it is watched: the clipboard is told of.
	must(t, os.WriteFile(filepath.Join(wt, "noisy.sh"), []byte("echo ready; read x\n"+noisy), 0o644))
	editor := r.serve()
	config := filepath.Join(r.Dir, "config/headjack/config.yaml")
	must(t, os.MkdirAll(filepath.Dir(config), 0o755))
	for name, how := range map[string]struct {
		args   []string
		config string
		copies bool
		end    func(g *glass)
	}{
		"asked":   {nil, "", true, func(g *glass) { g.send("\x02d") }},
		"flag":    {[]string{"--no-clipboard"}, "", false, func(g *glass) { g.send("\x10\x11") }},
		"setting": {nil, "clipboard: none\n", false, func(g *glass) { must(t, g.cmd.Process.Signal(syscall.SIGTERM)) }},
		"killed":  {nil, "", true, func(*glass) { r.sh("docker kill " + r.x().Container.ID) }},
	} {
		must(t, os.WriteFile(config, []byte(how.config), 0o644))
		r.hjk("run", "x", "--agent", "noisy", "--session", name, "--detach")
		g := attach(append(how.args, "x", name)...)
		g.await("ready")
		g.send("\r")
		passes(g, name)
		g.await(wished[1])
		var res agents.AttachResult
		must(t, editor.Command("hjk-ls.attach", agents.SessionArgs{Branch: "x", Session: name}, &res))
		if slices.Contains(res.Argv, "--no-clipboard") != (how.config != "") {
			t.Errorf("%s: an editor's terminal is started by %q", name, res.Argv)
		}
		how.end(g)
		g.ended()
		if how.copies {
			g.await("it put text on your clipboard once, 5 bytes")
		}
		if strings.Contains(g.text(), wished[0]) != how.copies {
			t.Errorf("%s: copied %v", name, !how.copies)
		}
	}
	must(t, os.Remove(config))
	r.hjk("rm", "x", "--force")

	// With tmux: the same.
	must(t, os.WriteFile(filepath.Join(r.repo, "noisy.sh"), []byte("echo ready; read x\n"+noisy), 0o644))
	r.sh("git commit -qam tmux; git branch -f x")
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--agent", "noisy", "--detach")
	g = attach("x", "noisy")
	g.await("ready")
	g.send("\r")
	passes(g, "tmux")
	g.await("aGVsbG8=")
	g.send("\x02d")
	g.ended()
	g.await("it put text on your clipboard")

	// Something holds the helper that is to see the keys: the terminal is left all the same.
	held := func(do string) string {
		return r.sh("docker exec " + r.x().Container.ID + ` bash -c 'for p in /proc/[0-9]*; do
			mapfile -d "" -t a <$p/cmdline && [ "${a[2]}" = attach ] && ` + do + ` ${p#/proc/}; done 2>/dev/null; true'`)
	}
	g = attach("x", "noisy")
	g.await("ready")
	held("kill -STOP")
	g.send("\x02d")
	g.ended()
	g.await("detached from noisy")
	if held("echo") == "" {
		t.Error("the control: the helper was not held, so this shows nothing")
	}

	// The control: a terminal that is given to a container as it is.
	c := watchThrough(t, r.Cmd(r.repo, "docker", "exec", "-it", "-w", r.x().Worktree, r.x().Container.ID, "cat", "said"))
	for _, w := range append(forbidden, questions...) {
		c.await(w)
	}
	must(t, c.cmd.Wait())
	if strings.Contains(c.text(), "\x1b[<") {
		t.Error("the control: it is undone by itself, so this shows nothing")
	}
	r.sh("docker kill " + r.x().Container.ID) // what is stopped obeys nothing else
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}
