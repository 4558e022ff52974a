package main

import (
	"io"
	"sync"
)

// answers are those to what a program asks of its terminal. Nobody waits for a program that asks without reading.
type answers struct {
	wake chan struct{}

	mu    sync.Mutex // guards what follows
	queue []byte
}

// maxAnswers bounds what is kept. Some programs ask for the whole palette at once, and then wait for the last answer.
const maxAnswers = 64 << 10

func (a *answers) add(b []byte) {
	a.mu.Lock()
	if len(a.queue)+len(b) <= maxAnswers {
		a.queue = append(a.queue, b...)
	}
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *answers) take() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.queue
	a.queue = nil
	return b
}

// send writes answers to a terminal until it is done.
func (a *answers) send(tty io.Writer, done <-chan struct{}) {
	for {
		select {
		case <-a.wake:
			_, _ = tty.Write(a.take())
		case <-done:
			return
		}
	}
}
