package main

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// restore puts the viewer's terminal back whatever the program had set: main screen, cursor, no mouse, no paste
// brackets, plain colours.
const restore = "\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?2004l\x1b[?1l\x1b>\x1b[0m\x1b[?25h"

// attachMain connects this terminal to a session.
func attachMain(name, termName string) int {
	st, err := readState(name)
	if err != nil || st.State != "running" {
		return shim.ExitNoSession
	}
	d := firstSize()
	c, err := call(name, hello{Op: "attach", Cols: d.cols, Rows: d.rows})
	if err != nil {
		return shim.ExitNoSession
	}
	defer func() { _ = c.Close() }()
	if st.Kind == shim.KindTmux {
		return attachTmux(name, termName)
	}
	return attachPTY(c)
}

func call(name string, hi hello) (*net.UnixConn, error) {
	path, err := socketPath(name)
	if err != nil {
		return nil, err
	}
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(hi)
	if err != nil {
		return nil, err
	}
	_, err = c.Write(append(line, '\n'))
	return c, err
}

type dimensions struct{ cols, rows int }

func size() dimensions {
	cols, rows, err := term.GetSize(int(os.Stdin.Fd()))
	if err != nil {
		return dimensions{80, 24}
	}
	return dimensions{cols, rows}
}

// firstSize waits for the terminal to have a size: Docker before 23 sets it after the command has started.
func firstSize() dimensions {
	for range 50 {
		if d := size(); d.cols > 0 && d.rows > 0 {
			return d
		}
		time.Sleep(10 * time.Millisecond)
	}
	return size()
}

// attachTmux hands this terminal to tmux's own client. Other viewers are detached, as ones that died would pile up.
func attachTmux(name, termName string) int {
	bin, err := lookup("tmux", "/", valueOf(mergeEnv(os.Environ(), nil), "PATH"))
	if err != nil {
		return shim.ExitNoSession
	}
	cmd := exec.Command(bin, "-u", "-S", tmuxSocket(), "attach-session", "-d", "-t", "="+tmuxName(name))
	t := bestTerm("xterm-256color")
	if termName != "" {
		t = bestTerm(termName, "xterm-256color")
	}
	cmd.Env = mergeEnv(tmuxEnv(), []string{"TERM=" + t})
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	signal.Ignore(syscall.SIGINT, syscall.SIGQUIT)
	runHeld(cmd)
	if ended(name) {
		return shim.ExitEnded
	}
	return shim.ExitDetached
}

// ended reports whether the session is over; the holder may still be writing that down.
func ended(name string) bool {
	for range 10 {
		st, err := readState(name)
		if err != nil || st.State != "running" {
			return true
		}
		if syscall.Kill(st.PID, 0) == nil && !zombie(st.PID) {
			return false
		}
		time.Sleep(20 * time.Millisecond)
	}
	return true
}

func attachPTY(c *net.UnixConn) int {
	if state, err := term.MakeRaw(int(os.Stdin.Fd())); err == nil {
		defer func() { _ = term.Restore(int(os.Stdin.Fd()), state) }()
	}
	defer func() { _, _ = os.Stdout.WriteString(restore) }()
	w := &frameWriter{c: c}
	ends := make(chan int, 3)
	go func() { ends <- w.keys(os.Stdin) }()
	go func() { ends <- show(c) }()
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, unix.SIGWINCH)
	die := make(chan os.Signal, 1)
	signal.Notify(die, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	for {
		select {
		case code := <-ends:
			return code
		case <-die:
			return shim.ExitDetached
		case <-changed:
			var b [4]byte
			d := size()
			binary.BigEndian.PutUint16(b[:], uint16(d.cols))
			binary.BigEndian.PutUint16(b[2:], uint16(d.rows))
			w.write(frameResize, b[:])
		}
	}
}

// show prints what comes from the holder and returns the exit code it tells.
func show(c io.Reader) int {
	for {
		kind, payload, err := readFrame(c)
		switch {
		case err != nil:
			return shim.ExitEnded
		case kind == frameEnd && len(payload) == 1:
			return int(payload[0])
		case kind == frameData:
			if _, err := os.Stdout.Write(payload); err != nil {
				return shim.ExitDetached
			}
		}
	}
}

type frameWriter struct {
	mu sync.Mutex
	c  io.Writer
}

func (w *frameWriter) write(kind byte, b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = writeFrame(w.c, kind, b)
}

// keys sends what is typed, until a detach sequence or the end of input.
func (w *frameWriter) keys(in io.Reader) int {
	var d detacher
	buf := make([]byte, 4096)
	for {
		n, err := in.Read(buf)
		pass, detached := d.filter(buf[:n])
		if len(pass) > 0 {
			w.write(frameData, pass)
		}
		if detached || err != nil {
			return shim.ExitDetached
		}
	}
}

// detacher finds the keys that detach: Ctrl-b d, as in tmux, and Ctrl-p Ctrl-q, as in docker. A prefix followed by
// anything else is passed on with it; Ctrl-b Ctrl-b sends one Ctrl-b.
type detacher struct{ prefix byte }

const (
	ctrlB = 'b' & 0x1f
	ctrlP = 'p' & 0x1f
	ctrlQ = 'q' & 0x1f
)

func (d *detacher) filter(in []byte) (pass []byte, detached bool) {
	for _, b := range in {
		p := d.prefix
		d.prefix = 0
		switch {
		case p == ctrlB && b == 'd', p == ctrlP && b == ctrlQ:
			return pass, true
		case p == ctrlB && b == ctrlB:
			pass = append(pass, b)
			continue
		case p != 0:
			pass = append(pass, p)
		}
		if b == ctrlB || b == ctrlP {
			d.prefix = b
			continue
		}
		pass = append(pass, b)
	}
	return pass, false
}

// killMain ends a session and returns when it has ended.
func killMain(name string) int {
	meant, err := readState(name)
	if err != nil {
		return 0
	}
	c, err := call(name, hello{Op: "kill"})
	if err == nil {
		defer func() { _ = c.Close() }()
	}
	for range 100 { // 5 s: the holder kills by force before
		st, err := readState(name)
		if err != nil || st.State != "running" || st.PID != meant.PID { // another one may have its name by now
			return 0
		}
		if syscall.Kill(st.PID, 0) != nil {
			markEnded(func(s shim.State) bool { return s.Name == name })
			return 0
		}
		time.Sleep(50 * time.Millisecond)
	}
	return 1
}
