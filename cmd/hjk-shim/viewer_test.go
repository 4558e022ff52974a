package main

import (
	"io"
	"os"
	"sync"
	"testing"
	"time"
)

// deafConn is a viewer's that never reads.
type deafConn struct {
	closed chan struct{}
	close  func()
}

func newDeafConn() *deafConn {
	c := &deafConn{closed: make(chan struct{})}
	c.close = sync.OnceFunc(func() { close(c.closed) })
	return c
}

func (c *deafConn) Write([]byte) (int, error) {
	<-c.closed
	return 0, io.ErrClosedPipe
}

func (c *deafConn) Close() error {
	c.close()
	return nil
}

// TestReplacedViewerLeaves: one who does not read is disconnected, and leaves nothing that waits. The one who came stays.
func TestReplacedViewerLeaves(t *testing.T) {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	s := newScreen(null, &logFile{}, 20, 5, func() {})
	<-s.done
	first, second := newDeafConn(), newDeafConn()
	old := s.attach(first)
	v := s.attach(second)
	for _, left := range []<-chan struct{}{first.closed, old.done} {
		select {
		case <-left:
		case <-time.After(20 * time.Second):
			t.Fatal("a viewer who was replaced is still there")
		}
	}
	select {
	case <-second.closed:
		t.Error("the one who came was disconnected")
	default:
	}
	s.detach(v)
	<-v.done
	silence(s.em)
}
