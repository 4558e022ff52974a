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
	var back sync.WaitGroup
	back.Go(func() { s.back(c, up, &held) })
	defer back.Wait()
	b := make([]byte, 1<<16)
	for {
		n, err := c.Read(b)
		if err != nil && held.Load() {
			<-s.answered
		}
		if err != nil { // the other half goes on: what a program is told may end before what it says
			_ = up.(*net.UnixConn).CloseWrite()
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
			s.rest(c, up, b)
			s.hook()
		}
	}
}

// rest passes on what is left of a request that came in pieces: without it the engine would wait, and not answer.
func (s *slowEngine) rest(c, up net.Conn, b []byte) {
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // before the answer is handed on
	for {
		n, err := c.Read(b)
		if err != nil {
			break
		}
		_, _ = up.Write(b[:n])
	}
	_ = c.SetReadDeadline(time.Time{})
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

// interrupt runs hjk-ls and sends it Ctrl-C while the engine answers the first request with word in it. hjk-ls says that it was
// canceled.
func (r rig) interrupt(word string, args ...string) {
	r.Helper()
	cmd := r.Cmd(r.repo, r.Bin, args...)
	s := &slowEngine{engine: r.Host, word: word, answered: make(chan struct{})}
	started := make(chan *os.Process, 1)
	s.hook = func() { _ = (<-started).Signal(os.Interrupt) }
	cmd.Args = append(cmd.Args, "--host", s.listen(r.T))
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	started <- cmd.Process
	err := cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitCanceled || !strings.HasSuffix(out.String(), "hjk-ls: canceled\n") {
		r.Errorf("%s: exit code %d, %v: %s", word, code, err, out.String())
	}
	select {
	case <-s.answered:
	case <-time.After(patience):
		r.Fatalf("%s was not asked for or not answered", word)
	}
}

// TestInterrupted sends Ctrl-C while the engine has been asked for something and has not answered: nothing is left.
func TestInterrupted(t *testing.T) {
	r := newRig(t)
	for _, word := range []string{"/info", "/containers/create?name=", "/start ", "/containers/create?name=", "/containers/create?name="} {
		r.interrupt(word, "run", "x", "--image", "hjk-test/busybox:1", "--detach")
		r.nothingLeft("interrupted at " + word)
		if out := r.sh("git branch --list x"); out != "" {
			t.Errorf("%s: %s is left", word, out)
		}
	}
}

// TestInterruptedRecreate sends Ctrl-C while one container is exchanged for another: the old one and its session are back.
func TestInterruptedRecreate(t *testing.T) {
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--agent", "shell", "--detach")
	old := r.x().Container.ID
	for _, word := range []string{"/stop", "/rename", "/containers/create?name=", "/start "} {
		r.interrupt(word, "recreate", "x")
		x := r.x()
		if x.State != "running" || x.Container.ID != old || len(x.Sessions) != 1 || x.Sessions[0].State != "running" {
			t.Fatalf("interrupted at %s: %+v", word, x)
		}
	}
	r.hjk("recreate", "x")
	if x := r.x(); x.Container.ID == old || x.Sessions[0].State != "running" {
		t.Errorf("not recreated: %+v", x)
	}
	r.hjk("rm", "x")
	r.nothingLeft("in the end")
}
