//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// server is a server that is held to what it promises.
type server struct {
	*drive.Client
	w *world

	mu  sync.Mutex // guards what follows
	bad error      // of what it told unasked
}

func (w *world) serve(dir string) (*server, error) {
	s := &server{w: w}
	c, err := w.rig.Serve(dir, func(_ string, params json.RawMessage) {
		if err := w.clean(params); err != nil {
			s.mu.Lock()
			s.bad = errors.Join(s.bad, err)
			s.mu.Unlock()
		}
	})
	s.Client = c
	return s, err
}

// call sends a request, which must be answered in time.
func (s *server) call(method string, params any) error {
	var result json.RawMessage
	answered := make(chan error, 1)
	go func() { answered <- s.Call(method, params, &result) }()
	var err error
	select {
	case err = <-answered:
	case <-time.After(s.w.limit):
		return broken("the server did not answer %s within %v:\n%s", method, s.w.limit, s.goroutines())
	}
	if cerr := s.w.clean(result); cerr != nil {
		return cerr
	}
	var e *drive.Error
	switch {
	case errors.As(err, &e):
		return errors.Join(s.w.clean([]byte(e.Message)), unexpected(e))
	case err != nil:
		return broken("the server: %v:\n%s", err, s.goroutines())
	}
	return s.small()
}

// do executes a command of the server's.
func (s *server) do(name string, args map[string]any) error {
	return s.call("workspace/executeCommand", map[string]any{"command": name, "arguments": []any{args}})
}

// goroutines ends the server and gives the end of what it wrote, as of a crash.
func (s *server) goroutines() []byte {
	_ = syscall.Kill(s.Pid(), syscall.SIGQUIT)
	return tail([]byte(s.Ended()), 12000)
}

// small looks at the server's memory, and whether it told what it should not.
func (s *server) small() error {
	own := resident(s.Pid())
	raise(&s.w.most.own, own)
	s.mu.Lock()
	defer s.mu.Unlock()
	if own > mostMemory {
		return broken("the server took %d MB of memory", own>>10)
	}
	return s.bad
}

// close ends the server as an editor does, in time.
func (s *server) close() error {
	if err := s.small(); err != nil {
		s.Kill()
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Close() }()
	select {
	case err := <-ended:
		if err != nil {
			return broken("the server did not end well: %v", err)
		}
		return nil
	case <-time.After(s.w.limit):
		return broken("the server did not end:\n%s", s.goroutines())
	}
}
