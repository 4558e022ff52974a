package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// slowEngine stands between hjk-ls and the engine. It calls hook once the engine has the first request with word in it, and
// hands on the answer when hjk-ls has had time to act.
type slowEngine struct {
	engine, word string
	hook         func()
	once         sync.Once
	answered     chan struct{} // closed when the answer to that request has come
}

// listen gives the address to reach the engine by.
func (s *slowEngine) listen(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "hjk-s") //nolint:usetesting // a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.forward(c)
		}
	}()
	return "unix://" + filepath.Join(dir, "s")
}

func (s *slowEngine) forward(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("unix", strings.TrimPrefix(s.engine, "unix://"))
	if err != nil {
		return
	}
	defer up.Close()
	var held atomic.Bool
	go s.back(c, up, &held)
	b := make([]byte, 1<<16)
	for {
		n, err := c.Read(b)
		if err != nil && held.Load() {
			<-s.answered
		}
		if err != nil {
			return
		}
		first := false
		if bytes.Contains(b[:n], []byte(s.word)) {
			s.once.Do(func() { first = true })
			held.Store(first)
		}
		if _, err := up.Write(b[:n]); err != nil {
			return
		}
		if first {
			s.hook()
		}
	}
}

// back hands on what the engine says, also when nobody hears it any more.
func (s *slowEngine) back(c, up net.Conn, held *atomic.Bool) {
	b := make([]byte, 1<<16)
	for {
		n, err := up.Read(b)
		if err != nil {
			_ = c.Close()
			_ = up.Close()
			return
		}
		if held.Load() {
			time.Sleep(300 * time.Millisecond)
			held.Store(false)
			close(s.answered)
		}
		_, _ = c.Write(b[:n])
	}
}

// TestInterrupted sends Ctrl-C while the engine has been asked for something and has not answered: hjk-ls says that it was
// canceled, and nothing is left.
func TestInterrupted(t *testing.T) {
	r := newRig(t)
	for _, word := range []string{"/info", "/containers/create", "/start ", "/containers/create", "/containers/create"} {
		cmd := r.Cmd(r.repo, r.Bin, "run", "x", "--image", "hjk-test/busybox:1", "--detach")
		s := &slowEngine{engine: r.Host, word: word, answered: make(chan struct{})}
		started := make(chan *os.Process, 1)
		s.hook = func() { _ = (<-started).Signal(os.Interrupt) }
		cmd.Args = append(cmd.Args, "--host", s.listen(t))
		var out bytes.Buffer
		cmd.Stderr = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		started <- cmd.Process
		err := cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != exitCanceled || !strings.HasSuffix(out.String(), "hjk-ls: canceled\n") {
			t.Errorf("%s: exit code %d, %v: %s", word, code, err, out.String())
		}
		select {
		case <-s.answered:
		case <-time.After(patience):
			t.Fatalf("%s was not asked for or not answered", word)
		}
		r.nothingLeft("interrupted at " + word)
		if out := r.sh("git branch --list x"); out != "" {
			t.Errorf("%s: %s is left", word, out)
		}
	}
}
