package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	// lastWait is how long a command has to end after a signal: it takes back what it made, and a server lets requests end.
	lastWait = 45 * time.Second
	// doubled is how close signals are one: some programs signal a process and its group.
	doubled = time.Second
)

// backstop ends the process that a signal has not ended: at once with the next signal, and at last by itself. What it leaves in
// the middle the next command finishes, as after a kill.
// At last it calls lastly.
func backstop(ctx context.Context, ended <-chan struct{}, lastly func()) {
	select {
	case <-ctx.Done():
	case <-ended:
		return
	}
	began := time.Now()
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	last := time.After(lastWait)
	for {
		select {
		case <-again:
			if time.Since(began) < doubled {
				continue
			}
		case <-ended:
			return
		case <-last:
			_, _ = fmt.Fprintln(os.Stderr, "hjk-ls: it does not end by itself; what is left in the middle the next command finishes")
		}
		lastly()
		os.Exit(exitCanceled)
	}
}
