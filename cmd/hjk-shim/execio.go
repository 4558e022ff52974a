package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/container/shim/link"
)

// endOfInput is what a terminal takes for the end of its input, as Ctrl-D types it.
const endOfInput = 4

// startPipes runs the command with a pipe for each of its streams. It leads a process group, which signals are for.
func (x *execution) startPipes() error {
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			_ = f.Close()
		}
	}()
	pipe := func() (r, w *os.File, err error) {
		r, w, err = os.Pipe()
		if err != nil {
			err = fmt.Errorf("make a pipe: %w", err)
		}
		return r, w, err
	}
	in, stdin, err := pipe()
	if err != nil {
		return err
	}
	theirs = append(theirs, in)
	x.stdin, x.output = stdin, map[link.Stream]*outlet{}
	for s, to := range map[link.Stream]*io.Writer{link.Out: &x.cmd.Stdout, link.Err: &x.cmd.Stderr} {
		r, w, err := pipe()
		if err != nil {
			return err
		}
		theirs = append(theirs, w)
		*to, x.output[s] = w, &outlet{f: r}
	}
	x.cmd.Stdin = in
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return x.cmd.Start()
}

// startTerminal runs it in a terminal of its own.
func (x *execution) startTerminal(cols, rows int) error {
	x.cmd.Env = mergeEnv(x.cmd.Env, []string{"TERM=xterm-256color"})
	master, err := pty.StartWithSize(x.cmd, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)})
	if err != nil {
		return err
	}
	if x.tty, err = polled(master); err != nil {
		x.end(0)
		return err
	}
	x.stdin = x.tty
	x.output = map[link.Stream]*outlet{link.Out: {f: x.tty, grace: lateOutput}}
	return nil
}

// lateOutput is how long what a program wrote to its terminal may take to come out at the other side: the kernel does that by and by.
const lateOutput = 50 * time.Millisecond

// startFailure says why a program did not start.
func startFailure(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOEXEC):
		return &failure{shim.CodeUnrunnable, unrunnable(path)}
	case errors.Is(err, syscall.E2BIG):
		return &failure{shim.CodeBadRequest, "the arguments or the variables are too long for a program to be started with (at most 128 KiB each, and some MiB " +
			"together); put what is long into a file, or give it by standard input"}
	case errors.Is(err, syscall.ENOENT):
		return &failure{shim.CodeUnrunnable, path + " needs an interpreter or a loader that is not in the container"}
	case errors.Is(err, syscall.EACCES):
		return &failure{shim.CodeUnrunnable, path + " may not be executed by the user of sessions"}
	}
	return err
}

// outlet reads what a command writes, and after the command's end what of that is left. What the command left behind may have the other
// end open for ever.
type outlet struct {
	f     *os.File
	grace time.Duration // how long after the end something may come
	ended atomic.Bool
}

// Read implements io.Reader.
func (o *outlet) Read(b []byte) (int, error) {
	if !o.ended.Load() {
		n, err := o.f.Read(b)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
	for {
		n, err := readNow(o.f, b)
		if n > 0 || !errors.Is(err, unix.EAGAIN) {
			return max(n, 0), err
		}
		if o.grace <= 0 {
			return 0, io.EOF
		}
		o.grace -= time.Millisecond
		time.Sleep(time.Millisecond)
	}
}

// end is called when the command has ended.
func (o *outlet) end() {
	o.ended.Store(true)
	_ = o.f.SetReadDeadline(time.Unix(1, 0)) // who reads looks again
}

func (o *outlet) close() { _ = o.f.Close() }

// readNow reads what there is, without waiting and whatever the file's deadline is.
func readNow(f *os.File, b []byte) (n int, err error) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = c.Control(func(fd uintptr) {
		for {
			if n, failed = unix.Read(int(fd), b); !errors.Is(failed, unix.EINTR) {
				return
			}
		}
	})
	if err == nil && failed == nil && n == 0 {
		err = io.EOF
	}
	return n, errors.Join(err, failed)
}

// setSize gives a terminal another size.
func setSize(tty *os.File, cols, rows int) {
	c, err := tty.SyscallConn() // not pty.Setsize, which would have it block again
	if err != nil {
		return
	}
	_ = c.Control(func(fd uintptr) {
		_ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(cols), Row: uint16(rows)})
	})
}
