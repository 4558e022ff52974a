package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/parser"
	"golang.org/x/sys/unix"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/system"
)

// logFile keeps the newest output of a session, in one file that is rotated to another. It tells the terminal's size
// between the output, in each file first, as the control sequence that sets it: who reads the log shows it on a screen.
type logFile struct {
	dir   *os.Root // the session's
	f     *os.File
	size  int64
	where ansi.Parser // whether output stopped within a control sequence or a character

	mu         sync.Mutex // guards what follows: a viewer resizes while output comes
	cols, rows int
	due        bool // the log has not the newest size
}

func openLog(name string) (*logFile, error) {
	dir, err := openSession(name)
	if err != nil {
		return nil, err
	}
	l := &logFile{dir: dir}
	return l, l.open()
}

func (l *logFile) open() error {
	f, err := l.dir.OpenFile(shim.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND|system.NoFollow|system.NonBlock, 0o600)
	if err != nil {
		return err
	}
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		_ = f.Close()
		return errors.Join(err, distrust.ErrNotRegular)
	}
	l.f = f
	if fi, err := f.Stat(); err == nil {
		l.size = fi.Size()
	}
	return nil
}

// resized has the size told before the next output.
func (l *logFile) resized(cols, rows int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cols > 0 && rows > 0 && (cols != l.cols || rows != l.rows) {
		l.cols, l.rows, l.due = cols, rows, true
	}
}

// write appends b at once, so that a prompt without a newline is in the log. A full disk loses output, not the session.
func (l *logFile) write(b []byte) {
	if l.f == nil {
		return
	}
	if l.size+int64(len(b)) > shim.MaxLogBytes {
		l.close()
		_ = l.dir.Rename(shim.LogFile, shim.OldLogFile)
		if l.open() != nil {
			return
		}
		l.mu.Lock()
		l.due = l.cols > 0
		l.mu.Unlock()
	}
	if size := l.sizeDue(); size != nil {
		b = append(size, b...)
	}
	n, _ := l.f.Write(b)
	l.size += int64(n)
	for _, c := range b {
		if !plainly[c] || l.where.State() != parser.GroundState {
			l.where.Advance(c)
		}
	}
}

// sizeDue is the size as a control sequence, if it is to be told. Within another sequence it has to wait.
func (l *logFile) sizeDue() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.due || l.where.State() != parser.GroundState {
		return nil
	}
	l.due = false
	return fmt.Appendf(nil, "\x1b[8;%d;%dt", l.rows, l.cols)
}

func (l *logFile) close() {
	if l.f != nil {
		_ = l.f.Close()
		l.f = nil
	}
}

// logMain appends standard input to a session's log: tmux pipes a pane's output here. tty is the pane's terminal.
func logMain(name, tty string, in io.Reader) int {
	l, err := openLog(name)
	if err != nil {
		return 1
	}
	told := teller{name: name}
	buf := make([]byte, 64<<10) // a pipe's
	for {
		n, err := in.Read(buf)
		if n > 0 {
			l.resized(sizeOf(tty))
			l.write(buf[:n])
			told.tell()
		}
		if err != nil {
			l.close()
			return 0
		}
	}
}

// teller tells the session's holder that the program wrote. That it cannot is no trouble: the holder looks at times.
type teller struct {
	name string
	c    net.Conn
	last time.Time
}

// tellPause is between two that are told: all that matters is that a session ceased to be quiet.
const tellPause = quiet / 4

func (t *teller) tell() {
	if time.Since(t.last) < tellPause {
		return
	}
	t.last = time.Now()
	if t.c == nil {
		c, err := call(t.name, hello{Op: "stir"})
		if err != nil {
			return
		}
		t.c = c
	}
	_ = t.c.SetWriteDeadline(time.Now().Add(tellPause)) // of a holder that is stopped nobody waits
	if _, err := t.c.Write([]byte{'\n'}); err != nil {
		_ = t.c.Close()
		t.c = nil
	}
}

// sizeOf is the size of a terminal, 0 where it cannot be known. It stays open no longer than that: a terminal that
// is open somewhere does not end.
func sizeOf(tty string) (cols, rows int) {
	f, err := os.OpenFile(tty, os.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return int(size.Col), int(size.Row)
}
