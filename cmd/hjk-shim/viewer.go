package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/gilmanlab/hjk-ls/container/pane"
)

type conn interface {
	io.Writer
	io.Closer
}

// maxBacklog is how far a viewer may lag behind. One that lags more misses output and gets the whole screen instead.
const maxBacklog = 1 << 20

// viewer is one attached terminal. Its own goroutine writes to it, so a viewer that stops reading stalls nobody.
type viewer struct {
	c    conn
	s    *screen
	done chan struct{}

	mu     sync.Mutex // guards what follows; taken after the screen's
	wake   *sync.Cond
	queue  []byte
	redraw bool // the screen comes before the queue
	end    int  // exit code to tell, -1 while it goes on
	gone   bool
}

func newViewer(c conn, s *screen) *viewer {
	v := &viewer{c: c, s: s, done: make(chan struct{}), end: -1, redraw: true}
	v.wake = sync.NewCond(&v.mu)
	go v.write()
	return v
}

func (v *viewer) send(b []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.queue)+len(b) > maxBacklog {
		v.queue, v.redraw = nil, true
	}
	if !v.redraw { // the redraw will show it
		v.queue = append(v.queue, b...)
	}
	v.wake.Signal()
}

// refresh has the whole screen drawn again.
func (v *viewer) refresh() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.queue, v.redraw = nil, true
	v.wake.Signal()
}

func (v *viewer) finish(code byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.end = int(code)
	v.wake.Signal()
}

func (v *viewer) drop() {
	v.mu.Lock()
	v.gone = true
	v.wake.Signal()
	v.mu.Unlock()
	v.c.Close()
}

// leave ends a viewer who was told to go, also one who does not read that: nobody types any more who does not watch.
func (v *viewer) leave() {
	v.wait(time.Second)
	v.drop()
}

func (v *viewer) wait(d time.Duration) {
	select {
	case <-v.done:
	case <-time.After(d):
	}
}

// write sends what is queued until the end.
func (v *viewer) write() {
	defer close(v.done)
	for {
		b, end := v.next()
		if len(b) > 0 && writeFrame(v.c, frameData, b) != nil {
			return
		}
		if end >= 0 {
			_ = writeFrame(v.c, frameEnd, []byte{byte(end)})
			return
		}
		if b == nil {
			return
		}
	}
}

// next waits for something to send: the screen when it must be redrawn, else the queue; nil when the viewer is gone.
func (v *viewer) next() (b []byte, end int) {
	v.mu.Lock()
	for !v.redraw && len(v.queue) == 0 && v.end < 0 && !v.gone {
		v.wake.Wait()
	}
	if v.gone {
		v.mu.Unlock()
		return nil, -1
	}
	redraw := v.redraw
	v.mu.Unlock()
	if redraw {
		return v.snapshot()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	b, v.queue = v.queue, nil
	return b, v.end
}

// snapshot takes the screen and lets the queue begin behind it.
func (v *viewer) snapshot() (b []byte, end int) {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.redraw, v.queue = false, nil
	v.s.catchUp()
	return v.s.render(true), v.end
}

// render is the whole screen as control sequences: content, title, modes, cursor; with region, what of it scrolls.
func (s *screen) render(region bool) (out []byte) {
	defer func() {
		if recover() != nil {
			out = []byte("\x1b[H\x1b[2J")
		}
	}()
	var b strings.Builder
	b.WriteString("\x1b[?25l")
	if s.em.IsAltScreen() {
		b.WriteString("\x1b[?1049h")
	} else {
		b.WriteString("\x1b[?1049l")
	}
	b.WriteString(pane.Neutral + "\x1b[H\x1b[2J")
	lines := strings.ReplaceAll(strings.TrimRight(s.em.Render(), "\r\n"), "\r\n", "\n") // empty ones below would scroll
	b.WriteString(strings.ReplaceAll(lines, "\n", "\r\n"))
	b.WriteString("\x1b[0m")
	b.Write(s.glass.Modes(region))
	if s.title != "" {
		fmt.Fprintf(&b, "\x1b]2;%s\x07", s.title)
	}
	at := s.em.CursorPosition()
	fmt.Fprintf(&b, "\x1b[%d;%dH", at.Y+1, at.X+1)
	if !s.hidden {
		b.WriteString("\x1b[?25h")
	}
	return []byte(b.String())
}
