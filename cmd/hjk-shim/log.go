package main

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/parser"

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
