package main

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

type terminals struct{}

// terminal is a real terminal (a PTY) with a command in it and an emulator that shows what a person would see.
type terminal struct {
	cmd    *exec.Cmd
	master *os.File
	before unix.Termios
	done   chan struct{}

	mu     sync.Mutex
	screen *vt.Emulator
}

// cmdTerm drives terminals:
//
//	term NAME start COMMAND ARG…    a shell in it runs COMMAND
//	term NAME send TEXT             \r, \x02 and the like are understood
//	term NAME expect REGEXP         on the screen, soon
//	term NAME resize COLSxROWS
//	term NAME ends CODE             the command ends with CODE, and the terminal is as it was
//	term NAME hangup                SIGHUP, as when its window is closed
//	term NAME kill                  SIGKILL
func cmdTerm(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: term name verb…")
	}
	all := ts.Value(terminals{}).(map[string]*terminal)
	if args[1] == "start" {
		t, err := startTerminal(ts, args[2:])
		ts.Check(err)
		all[args[0]] = t
		ts.Defer(t.close)
		return
	}
	t := all[args[0]]
	if t == nil {
		ts.Fatalf("no terminal %q", args[0])
	}
	switch args[1] {
	case "send":
		_, err := t.master.WriteString(unescape.Replace(args[2]))
		ts.Check(err)
	case "expect":
		t.expect(ts, args[2], neg)
	case "resize":
		var size pty.Winsize
		cols, rows, _ := strings.Cut(args[2], "x")
		size.Cols, size.Rows = number(ts, cols), number(ts, rows)
		t.mu.Lock()
		t.screen.Resize(int(size.Cols), int(size.Rows))
		t.mu.Unlock()
		ts.Check(pty.Setsize(t.master, &size))
	case "ends":
		t.ends(ts, int(number(ts, args[2])))
	case "hangup":
		ts.Check(syscall.Kill(-t.cmd.Process.Pid, syscall.SIGHUP))
	case "kill":
		ts.Check(t.cmd.Process.Kill())
	default:
		ts.Fatalf("term: %q is not known", args[1])
	}
}

var unescape = strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\x02`, "\x02", `\x10`, "\x10", `\x11`, "\x11", `\x03`, "\x03", `\x04`, "\x04")

func number(ts *testscript.TestScript, s string) uint16 {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			ts.Fatalf("%q is no number", s)
		}
		n = n*10 + int(c-'0')
	}
	return uint16(n)
}

func startTerminal(ts *testscript.TestScript, argv []string) (*terminal, error) {
	if len(argv) == 0 {
		return nil, errors.New("no command")
	}
	path, err := lookIn(ts.Getenv("PATH"), argv[0])
	if err != nil {
		return nil, err
	}
	t := &terminal{done: make(chan struct{}), screen: vt.NewEmulator(100, 30)}
	t.cmd = exec.Command(path, argv[1:]...)
	t.cmd.Dir = ts.MkAbs(".")
	t.cmd.Env = os.Environ()
	for _, k := range []string{"HOME", "DOCKER_HOST", "TERM", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "PATH"} {
		t.cmd.Env = append(t.cmd.Env, k+"="+ts.Getenv(k))
	}
	master, slave, err := pty.Open()
	if err != nil {
		return nil, err
	}
	defer slave.Close()
	if err := pty.Setsize(master, &pty.Winsize{Cols: 100, Rows: 30}); err != nil {
		return nil, err
	}
	before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		return nil, err
	}
	t.master, t.before = master, *before
	t.cmd.Stdin, t.cmd.Stdout, t.cmd.Stderr = slave, slave, slave
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	go t.answer()
	go t.show()
	return t, nil
}

// answer gives the program what a terminal answers to its queries.
func (t *terminal) answer() {
	buf := make([]byte, 1024)
	for {
		n, err := t.screen.Read(buf)
		if err != nil {
			return
		}
		_, _ = t.master.Write(buf[:n])
	}
}

func (t *terminal) show() {
	buf := make([]byte, 4096)
	for {
		n, err := t.master.Read(buf)
		if n > 0 {
			t.mu.Lock()
			_, _ = t.screen.Write(buf[:n])
			t.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screen.String()
}

func (t *terminal) expect(ts *testscript.TestScript, pattern string, neg bool) {
	re, err := regexp.Compile(pattern)
	ts.Check(err)
	deadline := time.Now().Add(patience)
	for re.MatchString(t.text()) == neg {
		if time.Now().After(deadline) {
			ts.Fatalf("%q: expected %v on the screen:\n%s", pattern, !neg, t.text())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (t *terminal) ends(ts *testscript.TestScript, code int) {
	ended := make(chan error, 1)
	go func() { ended <- t.cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(patience):
		ts.Fatalf("it did not end; screen:\n%s", t.text())
	}
	if got := t.cmd.ProcessState.ExitCode(); got != code {
		ts.Fatalf("exit code %d, not %d; screen:\n%s", got, code, t.text())
	}
	after, err := unix.IoctlGetTermios(int(t.master.Fd()), unix.TCGETS)
	ts.Check(err)
	if *after != t.before {
		ts.Fatalf("the terminal is not as it was: %+v, was %+v", *after, t.before)
	}
	time.Sleep(50 * time.Millisecond)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.screen.IsAltScreen() || t.screen.CursorHidden() {
		ts.Fatalf("the terminal was left on the alternate screen or without a cursor")
	}
}

func (t *terminal) close() {
	_ = t.cmd.Process.Kill()
	_ = t.master.Close()
}
