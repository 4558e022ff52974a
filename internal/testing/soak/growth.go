//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

const (
	slack       = 4  // connections that an engine's client keeps for the next call
	threadSlack = 12 // the Go runtime never gives threads back
	// mostGoroutines is what a server has that does nothing, and the two of each connection that is kept. What leaks with each operation
	// is far above it.
	mostGoroutines = 40 + 2*slack
)

// server is one whose growth is watched.
type server struct{ *drive.Client }

// growth is what a server that does nothing should not have more of than at its start.
type growth struct{ files, threads int }

func (g growth) String() string {
	return fmt.Sprintf("%d files open and %d threads", g.files, g.threads)
}

func (s server) grown() growth {
	dir := fmt.Sprintf("/proc/%d", s.Pid())
	files, _ := os.ReadDir(dir + "/fd")
	threads, _ := os.ReadDir(dir + "/task")
	return growth{len(files), len(threads)}
}

// settled gives the server a while to close idle connections.
func (s server) settled(began growth) growth {
	for range 100 {
		if g := s.grown(); g.files <= began.files+slack {
			return g
		}
		time.Sleep(100 * time.Millisecond)
	}
	return s.grown()
}

// goroutines ends the server by SIGQUIT, at which the Go runtime tells all of them, and counts.
func (s server) goroutines() (int, error) {
	if err := syscall.Kill(s.Pid(), syscall.SIGQUIT); err != nil {
		return 0, err
	}
	return strings.Count(s.Ended(), "\ngoroutine "), nil
}
