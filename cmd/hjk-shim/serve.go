package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// hello is what a caller says first to a holder, as one line.
type hello struct {
	Op         string // attach, send or kill
	Cols, Rows int
	Send       *shim.Send `json:",omitempty"` // of send
}

// Frames follow an attach: a type, a length of two bytes (big endian), a payload.
const (
	frameData   = 0 // both ways: bytes of the terminal
	frameResize = 1 // to the holder: columns, rows, two bytes each
	frameEnd    = 2 // to the viewer: the exit code it should leave with, one byte
)

func socketPath(name string) (string, error) {
	dir, err := userSockDir()
	return filepath.Join(dir, name+".sock"), err
}

func (h *holder) listen(name string) (*net.UnixListener, error) {
	path, err := socketPath(name)
	if err != nil {
		return nil, err
	}
	_ = os.Remove(path)
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

func (h *holder) serve(l *net.UnixListener) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return
		}
		go h.answer(c)
	}
}

func (h *holder) answer(c *net.UnixConn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	line, err := r.ReadBytes('\n')
	var hi hello
	if err != nil || json.Unmarshal(line, &hi) != nil {
		return
	}
	switch hi.Op {
	case "kill":
		h.mu.Lock()
		h.killed = true
		h.mu.Unlock()
		h.terminate(syscall.SIGTERM, killAfter)
	case "send":
		reply(c, h.send(hi.Send))
	case "attach":
		h.viewers(1)
		defer h.viewers(-1)
		h.view(c, r, hi)
	}
}

// view serves one viewer.
func (h *holder) view(c *net.UnixConn, r io.Reader, hi hello) {
	h.resize(hi.Cols, hi.Rows)
	v := h.screen.attach(c)
	defer h.screen.detach(v)
	for {
		kind, payload, err := readFrame(r)
		if err != nil {
			return
		}
		switch {
		case kind == frameData:
			if err := h.typed(payload); err != nil {
				return
			}
		case kind == frameResize && len(payload) == 4:
			h.resize(int(binary.BigEndian.Uint16(payload)), int(binary.BigEndian.Uint16(payload[2:])))
		}
	}
}

var errFrame = errors.New("frame type is not known")

func readFrame(r io.Reader) (kind byte, payload []byte, err error) {
	var head [3]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0] > frameEnd {
		return 0, nil, errFrame
	}
	payload = make([]byte, binary.BigEndian.Uint16(head[1:]))
	_, err = io.ReadFull(r, payload)
	return head[0], payload, err
}

const maxFrame = 32 << 10

func writeFrame(w io.Writer, kind byte, payload []byte) error {
	for {
		n := min(len(payload), maxFrame)
		b := make([]byte, 3, 3+n)
		b[0] = kind
		binary.BigEndian.PutUint16(b[1:], uint16(n))
		if _, err := w.Write(append(b, payload[:n]...)); err != nil {
			return err
		}
		if payload = payload[n:]; len(payload) == 0 {
			return nil
		}
	}
}
