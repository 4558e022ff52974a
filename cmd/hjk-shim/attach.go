package main

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"os"
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
func attachMain(name string) int {
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
	return attachTo(c)
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

func attachTo(c *net.UnixConn) int {
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
	leave := make(chan os.Signal, 1)
	signal.Notify(leave, syscall.SIGHUP, syscall.SIGINT)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM) // to all in the container: the session ends, too, and its last output is shown
	stopped := false
	for {
		select {
		case code := <-ends:
			if (code == shim.ExitEnded || code == shim.ExitKilled) && (stopped || stopping()) {
				return shim.ExitStopped
			}
			return code
		case <-leave:
			return shim.ExitDetached
		case <-stop:
			stopped = true
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
			markEnded(false, func(s shim.State) bool { return s.Name == name })
			return 0
		}
		time.Sleep(50 * time.Millisecond)
	}
	return 1
}
