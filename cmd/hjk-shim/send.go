package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// readTime is how long a program may take to read what it is sent.
const readTime = 10 * time.Second

// When Enter is pressed after a text. An agent that gets both at once takes Enter for a part of a paste: codex 0.169 does until 120 ms after
// its last character, gemini 0.61 until 40 ms after it has looked at the paste, whenever that is. So it is pressed when the program has
// drawn the text and been quiet for a moment.
const (
	drawnFor  = 200 * time.Millisecond
	undrawn   = time.Second     // of who draws nothing
	drawsLong = 3 * time.Second // of who never ceases to
)

// sendMain passes a text on to the holder of its session.
func sendMain(in io.Reader, out io.Writer) int {
	var req shim.Send
	line, err := bufio.NewReader(io.LimitReader(in, 2*shim.MaxSend)).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &req) != nil || len(req.Text) > shim.MaxSend || !validName(req.Name) {
		return reply(out, shim.Reply{Code: shim.CodeBadRequest, Message: "the request is none for a text"})
	}
	if st, err := readState(req.Name); err != nil || st.State != "running" {
		return reply(out, shim.Reply{Code: shim.CodeSessionEnded, Message: fmt.Sprintf("session %q does not run", req.Name)})
	}
	c, err := call(req.Name, hello{Op: "send", Send: &req})
	if err != nil {
		return reply(out, shim.Reply{Code: shim.CodeSessionEnded, Message: fmt.Sprintf("session %q does not answer: %v", req.Name, err)})
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(readTime + drawsLong + 2*time.Second))
	var said shim.Reply
	if err := json.NewDecoder(c).Decode(&said); err != nil {
		return reply(out, shim.Reply{Code: shim.CodeSessionEnded, Message: fmt.Sprintf("session %q ended", req.Name)})
	}
	return reply(out, said)
}

// typed passes on what a viewer typed.
func (h *holder) typed(b []byte) error {
	h.typing.Lock()
	defer h.typing.Unlock()
	_, err := h.tty.Write(b)
	h.at.stir()
	return err
}

// send types a text. When it returns the program is not waiting any more as far as the state says, so that whoever waits next waits
// for what comes of this text.
func (h *holder) send(req *shim.Send) shim.Reply {
	if req == nil {
		return shim.Reply{Code: shim.CodeBadRequest, Message: "there is no text"}
	}
	h.typing.Lock()
	defer h.typing.Unlock()
	if !req.Now && !h.waits() {
		return shim.Reply{Code: shim.CodeNotWaiting, Message: "the program does not wait for its user"}
	}
	tty, err := dup(h.tty)
	if err != nil {
		return replyOf(shim.State{}, err)
	}
	defer tty.Close()
	text, pasted := req.Text, false
	if !req.Raw {
		if err := tooLong(tty, text); err != nil {
			return replyOf(shim.State{}, err)
		}
		text, pasted = h.screen.pasted(text)
	}
	h.answered()
	_ = tty.SetWriteDeadline(time.Now().Add(readTime)) // of this copy alone: a viewer's may take as long as they like
	sent := time.Now()
	n, err := tty.Write(text)
	if err == nil && req.Enter {
		if len(text) > 0 && !canonical(tty) {
			h.awaitDrawn(sent)
		}
		_, err = tty.WriteString("\r")
	}
	h.answered()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return shim.Reply{Code: shim.CodeNotReading, Message: fmt.Sprintf("the program has read %d of %d bytes in %v, and no more", n, len(text), readTime)}
	}
	if err != nil {
		return replyOf(shim.State{}, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	said := replyOf(h.st, nil)
	said.Pasted = pasted
	return said
}

// awaitDrawn waits until what was sent at a time has been drawn.
func (h *holder) awaitDrawn(sent time.Time) {
	for time.Since(sent) < drawsLong {
		drawn := h.spokeLast()
		if drawn.After(sent) && time.Since(drawn) >= drawnFor || !drawn.After(sent) && time.Since(sent) >= undrawn {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// waits reports whether the program waits for its user now: the state may be as old as the last look.
func (h *holder) waits() bool {
	h.mu.Lock()
	waiting := h.st.Waiting
	h.mu.Unlock()
	return waiting && h.waiter(nil) != nil
}

// answered says that the program has what it waited for.
func (h *holder) answered() {
	h.update(func(st *shim.State) {
		h.at.wrote()
		st.Waiting = false
	})
}

// dup is another file of the same terminal, which has deadlines of its own.
func dup(tty *os.File) (*os.File, error) {
	c, err := tty.SyscallConn() // not Fd, which would have it block again
	if err != nil {
		return nil, err
	}
	var fd int
	var failed error
	if err := c.Control(func(old uintptr) { fd, failed = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return os.NewFile(uintptr(fd), tty.Name()), nil
}

// canonical reports whether a terminal is read line by line.
func canonical(tty *os.File) (is bool) {
	c, err := tty.SyscallConn()
	if err != nil {
		return false
	}
	_ = c.Control(func(fd uintptr) {
		t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		is = err == nil && t.Lflag&unix.ICANON != 0
	})
	return is
}

// tooLong refuses a line of which a program that has its terminal read line by line would get the beginning only.
func tooLong(tty *os.File, text []byte) error {
	if !canonical(tty) {
		return nil
	}
	for i, line := range bytes.Split(text, []byte("\n")) {
		if len(line) > shim.MaxTypedLine {
			return &failure{shim.CodeLineTooLong, fmt.Sprintf("line %d has %d bytes, and the program reads its terminal line by line, which has room for %d",
				i+1, len(line), shim.MaxTypedLine)}
		}
	}
	return nil
}

// pasted is a text as a terminal gives it to the program that it shows, and whether that is in brackets.
func (s *screen) pasted(text []byte) ([]byte, bool) {
	text = bytes.ReplaceAll(text, []byte("\n"), []byte("\r"))
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.glass.Pastes() || len(text) == 0 {
		return text, false
	}
	return append(append([]byte("\x1b[200~"), text...), "\x1b[201~"...), true
}
