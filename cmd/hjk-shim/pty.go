package main

import (
	"cmp"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/gilmanlab/hjk-ls/container/pane"
	"github.com/gilmanlab/hjk-ls/container/shim"
)

// startPTY runs the program in a terminal of our own.
func (h *holder) startPTY(cols, rows int) error {
	h.cmd.Env = mergeEnv(h.cmd.Env, []string{"TERM=xterm-256color"})
	master, err := pty.StartWithSize(h.cmd, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)})
	if err != nil {
		return err
	}
	log, err := openLog(h.st.Name)
	if err != nil {
		_ = h.cmd.Process.Kill()
		return err
	}
	log.resized(cols, rows)
	if master, err = polled(master); err != nil {
		_ = h.cmd.Process.Kill()
		return err
	}
	h.tty = master
	h.screen = newScreen(master, log, cols, rows, h.at.wrote)
	return nil
}

// polled is the same terminal, read without blocking: package pty leaves its files blocking, and then nobody can tell whether
// there is more to read.
func polled(f *os.File) (*os.File, error) {
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// resize gives terminal and screen a viewer's size.
func (h *holder) resize(cols, rows int) {
	if cols < 1 || rows < 1 || cols > 10000 || rows > 10000 {
		return
	}
	h.screen.resize(cols, rows)
	setSize(h.tty, cols, rows)
}

// screen is what a session's terminal shows, so that a viewer who comes back sees it again.
type screen struct {
	tty  *os.File
	log  *logFile
	done chan struct{} // the terminal's output has ended

	answers answers

	wake chan struct{} // there is output that the emulator has not got

	mu       sync.Mutex // guards what follows
	unseen   []byte     // such output
	skim     *skimmer
	scrolled int // bytes shown on the alternate screen since its lines were dropped last
	em       *vt.Emulator
	glass    *pane.Filter
	ahead    int // how much the emulator has of what passes the glass now
	title    string
	hidden   bool // the cursor
	viewer   *viewer
	whole    *drawing // from before the screen was made smaller, until the program writes
}

// drawing is what a screen of a size showed.
type drawing struct {
	cols, rows int
	drawn      []byte
}

// newScreen shows what comes from a terminal; wrote is called with each output.
func newScreen(tty *os.File, log *logFile, cols, rows int, wrote func()) *screen {
	s := &screen{tty: tty, log: log, done: make(chan struct{}), wake: make(chan struct{}, 1), answers: answers{wake: make(chan struct{}, 1)}}
	s.glass = pane.New(pane.Options{Clipboard: func(int) bool { return true }, Answer: s.answers.add, Shown: s.shown, Cursor: s.cursor})
	s.renew(cols, rows)
	go s.answers.send(tty, s.done)
	go s.pump(wrote)
	go s.keepUp()
	return s
}

// renew begins with an empty screen.
func (s *screen) renew(cols, rows int) {
	if s.em != nil {
		silence(s.em)
	}
	s.em, s.skim = vt.NewEmulator(cols, rows), newSkimmer()
	s.em.SetScrollbackSize(1) // nobody asks for what scrolled off
	s.em.SetCallbacks(vt.Callbacks{
		Title:            func(t string) { s.title = t },
		CursorVisibility: func(visible bool) { s.hidden = !visible },
	})
	go discard(s.em)
}

// pump moves the program's output to log, screen and viewer. Nothing here waits for a viewer.
func (s *screen) pump(wrote func()) {
	defer close(s.done)
	buf := make([]byte, 256<<10)
	for {
		n, err := readAll(s.tty, buf)
		if n > 0 {
			wrote()
			s.log.write(buf[:n])
			s.show(buf[:n])
		}
		if err != nil { // EIO: nobody has the terminal open any more
			s.log.close()
			return
		}
	}
}

// readAll waits for output and takes all there is, up to the length of b: the kernel gives no more than 4 KiB at once.
func readAll(tty *os.File, b []byte) (n int, err error) {
	c, err := tty.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = c.Read(func(fd uintptr) bool {
		for n < len(b) {
			m, err := unix.Read(int(fd), b[n:])
			switch {
			case errors.Is(err, unix.EINTR):
			case errors.Is(err, unix.EAGAIN):
				return n > 0
			case err != nil || m == 0:
				failed = cmp.Or(err, io.EOF)
				return true
			}
			n += max(m, 0)
		}
		return true
	})
	return n, cmp.Or(failed, err)
}

// show gives what passes of output to the viewer, and has the emulator get it soon. What passes is the same for both, whoever is
// attached; the viewer's side looks again, as the agent can reach all that is here.
func (s *screen) show(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole, s.ahead = nil, 0
	b = s.glass.Filter(b)
	if s.unseen = append(s.unseen, b[s.ahead:]...); len(s.unseen) > maxUnseen {
		s.catchUp()
	}
	if s.viewer != nil {
		s.viewer.send(b)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// shown has the emulator get what passed, before it is asked for the cursor.
func (s *screen) shown(b []byte) {
	s.unseen = append(s.unseen, b[s.ahead:]...)
	s.ahead = len(b)
	s.catchUp()
}

func (s *screen) cursor() (row, col int) {
	at := s.em.CursorPosition()
	return at.Y + 1, at.X + 1
}

// discard reads what an emulator would answer, for which it waits. Nothing asks it: the glass has answered.
func discard(em *vt.Emulator) { _, _ = io.Copy(io.Discard, em) }

// silence ends the reading of an emulator's answers. Its own Close is not safe beside a Read.
func silence(em *vt.Emulator) {
	if c, ok := em.InputPipe().(io.Closer); ok {
		_ = c.Close()
	}
}

func (s *screen) resize(cols, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.em.Width() == cols && s.em.Height() == rows {
		return
	}
	defer func() { _ = recover() }()
	s.catchUp()
	s.log.resized(cols, rows)
	s.fit(cols, rows)
	if s.viewer != nil {
		s.viewer.refresh()
	}
}

// fit makes the screen another size. A smaller one loses what it has no room for; an editor's terminal is small for a moment
// before it has its size, and a program that waits does not draw again. Those that fill the screen do.
func (s *screen) fit(cols, rows int) {
	smaller := cols < s.em.Width() || rows < s.em.Height()
	switch {
	case s.em.IsAltScreen():
		s.whole = nil
	case s.whole != nil:
		s.renew(s.whole.cols, s.whole.rows)
		s.feed(s.whole.drawn)
	case smaller:
		s.whole = &drawing{s.em.Width(), s.em.Height(), s.render(false)}
	}
	s.em.Resize(cols, rows)
	if s.whole != nil && cols >= s.whole.cols && rows >= s.whole.rows {
		s.whole = nil
	}
}

// drain waits for the last output after the program ended. Something in the background may hold the terminal open.
func (s *screen) drain() {
	select {
	case <-s.done:
	case <-time.After(300 * time.Millisecond):
	}
}

func (s *screen) attach(c conn) *viewer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.viewer; old != nil {
		old.finish(shim.ExitReplaced)
		go old.leave()
	}
	s.viewer = newViewer(c, s)
	return s.viewer
}

func (s *screen) detach(v *viewer) {
	s.mu.Lock()
	if s.viewer == v {
		s.viewer = nil
	}
	s.mu.Unlock()
	v.drop()
}

// close tells the viewer to leave and waits a moment until it has the last output.
func (s *screen) close(code byte) {
	s.mu.Lock()
	v := s.viewer
	if v != nil {
		v.finish(code)
	}
	s.mu.Unlock()
	if v != nil {
		v.wait(time.Second)
	}
}
