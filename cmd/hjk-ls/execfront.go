package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/muesli/cancelreader"
	"golang.org/x/term"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/pane"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// front is what stands between a command inside and this process's streams: nothing, but where they are a terminal. A terminal sees
// what passes package pane, and is put back to how it was.
type front struct {
	ends []func() // the newest is called first
	once sync.Once
}

func (f *front) end() {
	f.once.Do(func() {
		for i := len(f.ends) - 1; i >= 0; i-- {
			f.ends[i]()
		}
	})
}

func (f *front) later(end func()) { f.ends = append(f.ends, end) }

// front puts itself before the streams of s. Until the command runs, the terminal is as it was: somebody may be asked something there.
func (a *app) front(s *agents.ExecStreams) *front {
	f := &front{}
	var typed *keyboard
	if s.Terminal {
		typed = newKeyboard()
		s.In = typed
		a.measure(f, s)
	}
	for _, w := range []*io.Writer{&s.Out, &s.Err} {
		if file, ok := (*w).(*os.File); ok && isTerminal(file) {
			g := &window{to: file, pane: pane.New(pane.Options{Answer: typed.answer})}
			*w = g
			f.later(g.end)
		}
	}
	s.Started = func() {
		a.ended = true
		if typed != nil {
			a.giveTerminal(f, typed)
		}
	}
	return f
}

// measure takes the size of the terminal there is.
func (a *app) measure(f *front, s *agents.ExecStreams) {
	for _, file := range []*os.File{a.in, a.out.file} {
		if cols, rows, err := term.GetSize(int(file.Fd())); err == nil {
			s.Size = container.Size{Cols: cols, Rows: rows}
			var stop func()
			s.Resize, stop = watchSize(int(file.Fd()))
			f.later(stop)
			return
		}
	}
}

// giveTerminal has the command get what is typed, or what comes where nobody types.
func (a *app) giveTerminal(f *front, typed *keyboard) {
	if !isTerminal(a.in) {
		go typed.copy(a.in)
		return
	}
	state, err := term.MakeRaw(int(a.in.Fd()))
	if err == nil {
		a.cooked.Store(state)
		f.later(a.sane)
	}
	keys, err := cancelreader.NewReader(a.in)
	if err != nil {
		_ = typed.w.CloseWithError(err)
		return
	}
	in := &input{r: keys}
	f.later(in.end)
	go typed.copy(in)
}

// window is a terminal that a command writes to.
type window struct {
	mu   sync.Mutex
	to   *os.File
	pane *pane.Filter
	over bool
}

// Write implements io.Writer.
func (g *window) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if seen := g.pane.Filter(b); len(seen) > 0 && !g.over {
		if _, err := g.to.Write(seen); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// lateReports is how long the terminal is still read that was told to send more than keys: that must not come to who reads it next.
const lateReports = 100 * time.Millisecond

func (g *window) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	late := g.pane.Reporting()
	if b := g.pane.Restore(); len(b) > 0 {
		_, _ = g.to.Write(b)
	}
	if late {
		time.Sleep(lateReports)
	}
}

// keyboard is what is typed to a command, and between that answers to what it asks of its terminal.
type keyboard struct {
	*io.PipeReader
	w       *io.PipeWriter
	answers chan []byte
}

func newKeyboard() *keyboard {
	r, w := io.Pipe()
	k := &keyboard{r, w, make(chan []byte, 64)}
	go func() {
		for b := range k.answers {
			_, _ = w.Write(b)
		}
	}()
	return k
}

// copy types what r has, and its end.
func (k *keyboard) copy(r io.Reader) {
	_, err := io.Copy(k.w, r)
	_ = k.w.CloseWithError(err)
}

// answer types an answer, unless so many wait already that nobody seems to read them.
func (k *keyboard) answer(b []byte) {
	if k == nil {
		return
	}
	select {
	case k.answers <- append([]byte(nil), b...):
	default:
	}
}
