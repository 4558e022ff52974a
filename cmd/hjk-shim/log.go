package main

import (
	"io"
	"os"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// logFile keeps the newest output of a session, in one file that is rotated to another.
type logFile struct {
	path string
	f    *os.File
	size int64
}

func openLog(name string) (*logFile, error) {
	l := &logFile{path: filepath.Join(sessionDir(name), shim.LogFile)}
	return l, l.open()
}

func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	l.f = f
	if fi, err := f.Stat(); err == nil {
		l.size = fi.Size()
	}
	return nil
}

// write appends b at once, so that a prompt without a newline is in the log. A full disk loses output, not the session.
func (l *logFile) write(b []byte) {
	if l.f == nil {
		return
	}
	if l.size+int64(len(b)) > shim.MaxLogBytes {
		l.close()
		_ = os.Rename(l.path, filepath.Join(filepath.Dir(l.path), shim.OldLogFile))
		if l.open() != nil {
			return
		}
	}
	n, _ := l.f.Write(b)
	l.size += int64(n)
}

func (l *logFile) close() {
	if l.f != nil {
		_ = l.f.Close()
		l.f = nil
	}
}

// logMain appends standard input to a session's log: tmux pipes a pane's output here.
func logMain(name string, in io.Reader) int {
	l, err := openLog(name)
	if err != nil {
		return 1
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if n > 0 {
			l.write(buf[:n])
		}
		if err != nil {
			l.close()
			return 0
		}
	}
}
