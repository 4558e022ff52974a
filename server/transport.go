package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"go.lsp.dev/jsonrpc2"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

const (
	// maxMessage bounds one message; larger than any editor sends, small enough to hold.
	maxMessage = 64 << 20
	// maxHeader bounds the header lines of one message.
	maxHeader = 8 << 10
	// maxUnsent is what may wait for a client. More may wait while the client reads, as of one long message, but not more
	// than twice as much, or than one message.
	maxUnsent = 64 << 20
	// stuckTime is how long a client for which more waits may take nothing.
	stuckTime = 10 * time.Second
	// writeSize is how much is written at once: how a client gets on is seen by the pieces it has taken.
	writeSize = 64 << 10
	// flushTime is how long an editor may take nothing of the last messages.
	flushTime = 2 * time.Second
)

// stream is jsonrpc2.Stream with LSP's header or with a message a line. It is our own because the library ends the
// connection at the first message that is no JSON, and writes on the caller's goroutine, where a client that does not
// read blocks every handler.
type stream struct {
	rw      io.ReadWriteCloser
	framing Framing
	in      *bufio.Reader
	eof     func() // called when input has ended, before the connection learns of it

	reads chan frame // from the reading goroutine, so that a read can be given up
	stop  chan struct{}
	once  sync.Once

	mu      sync.Mutex // guards what follows
	more    *sync.Cond
	queue   [][]byte
	unsent  int
	taken   time.Time   // when the client last took something, or had taken all
	watch   *time.Timer // looks whether the client reads, while more waits than may
	owed    int         // calls that were read and not answered
	writing bool
	closed  bool
	err     error // why the connection broke
	bad     bool  // a line was no message
}

type frame struct {
	body []byte
	err  error
}

func newStream(rw io.ReadWriteCloser, f Framing, eof func()) *stream {
	s := &stream{rw: rw, framing: f, in: bufio.NewReaderSize(rw, 64<<10), eof: eof, reads: make(chan frame), stop: make(chan struct{})}
	s.more = sync.NewCond(&s.mu)
	go s.readLoop()
	go s.writeLoop()
	return s
}

// readLoop hands over frames until the input ends. It may stay blocked in a read of standard input when the process
// is about to exit; nothing waits for it.
func (s *stream) readLoop() {
	for {
		var f frame
		if s.framing == Lines {
			f.body, f.err = s.readLine()
		} else {
			f.body, f.err = s.readFramed()
		}
		select {
		case s.reads <- f:
		case <-s.stop:
			return
		}
		if f.err != nil {
			return
		}
	}
}

// Read gives the next message. What is no message is answered as JSON-RPC says, and passed over.
func (s *stream) Read(context.Context) (jsonrpc2.Message, int64, error) {
	for {
		var f frame
		select {
		case f = <-s.reads:
		case <-s.stop:
			return nil, 0, io.EOF
		}
		if f.err != nil {
			if !errors.Is(f.err, io.EOF) {
				s.fail(f.err)
			}
			s.eof()
			return nil, 0, io.EOF
		}
		msg, err := jsonrpc2.DecodeMessage(f.body)
		if err == nil {
			if _, ok := msg.(*jsonrpc2.Call); ok {
				s.owe(1)
			}
			return msg, int64(len(f.body)), nil
		}
		s.refuse(f.body, err)
	}
}

// refuse answers what could not be decoded.
func (s *stream) refuse(body []byte, err error) {
	code, what := jsonrpc2.ParseError, "this is not JSON"
	if json := bytes.TrimSpace(body); len(json) > 0 && validJSON(json) {
		code, what = jsonrpc2.InvalidRequest, "this is no JSON-RPC 2.0 message"
	}
	s.mu.Lock()
	s.bad = true
	s.mu.Unlock()
	_ = s.enqueue([]byte(fmt.Sprintf(`{"jsonrpc":"2.0","id":null,"error":{"code":%d,"message":%s}}`, code, strconv.Quote(what+": "+clip(err.Error())))))
}

// clip shortens a message to plain text of a few words.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return ' '
		}
		return r
	}, s)
	return s[:min(len(s), 200)]
}

func (s *stream) readLine() ([]byte, error) {
	for {
		var line []byte
		for {
			part, err := s.in.ReadSlice('\n')
			line = append(line, part...)
			if len(line) > maxMessage {
				return nil, fmt.Errorf("a line is longer than %d bytes", maxMessage)
			}
			if err == nil || errors.Is(err, io.EOF) && len(bytes.TrimSpace(line)) > 0 {
				break
			}
			if !errors.Is(err, bufio.ErrBufferFull) {
				return nil, err
			}
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}

func (s *stream) readFramed() ([]byte, error) {
	n, err := s.readHeader()
	if err != nil {
		return nil, err
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(s.in, body); err != nil {
		return nil, fmt.Errorf("input ended inside a message: %w", io.ErrUnexpectedEOF)
	}
	return body, nil
}

// readHeader reads the header part and gives Content-Length (LSP 3.17, base protocol).
func (s *stream) readHeader() (int, error) {
	length, size := -1, 0
	for {
		text, err := s.headerLine(&size)
		if err != nil {
			return 0, err
		}
		if text == "" {
			if length < 0 {
				return 0, errors.New("a message has no Content-Length header; scripts use --framing=lines")
			}
			return length, nil
		}
		key, value, ok := strings.Cut(text, ":")
		if !ok {
			return 0, fmt.Errorf("%q is no header; scripts use --framing=lines", clip(text))
		}
		if !strings.EqualFold(strings.TrimSpace(key), "Content-Length") {
			continue
		}
		length, err = strconv.Atoi(strings.TrimSpace(value))
		if err != nil || length < 0 || length > maxMessage {
			return 0, fmt.Errorf("Content-Length %q is not a number from 0 to %d", clip(value), maxMessage)
		}
	}
}

// headerLine reads a line of at most what is left of maxHeader.
func (s *stream) headerLine(size *int) (string, error) {
	var line []byte
	for {
		b, err := s.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && *size == 0:
			return "", io.EOF
		case err != nil:
			return "", fmt.Errorf("input ended inside a header: %w", io.ErrUnexpectedEOF)
		}
		if *size++; *size > maxHeader {
			return "", errors.New("no Content-Length header within 8 KiB; is the client speaking LSP? scripts use --framing=lines")
		}
		if b == '\n' {
			return strings.TrimRight(string(line), "\r"), nil
		}
		line = append(line, b)
	}
}

// Write queues a message. It never waits for the client.
func (s *stream) Write(_ context.Context, msg jsonrpc2.Message) (int64, error) {
	body, err := jsonrpc2.EncodeMessage(msg)
	if err != nil {
		return 0, err
	}
	if !utf8.Valid(body) { // what a build step or an agent printed is in any encoding, JSON is in one
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	if err = s.enqueue(body); err != nil {
		return 0, err
	}
	if s.framing == Lines { // nothing else asks; the library's own type of an answer cannot be named
		if sent, err := jsonrpc2.DecodeMessage(body); err == nil {
			if _, ok := sent.(*jsonrpc2.Response); ok {
				s.owe(-1)
			}
		}
	}
	return int64(len(body)), nil
}

func (s *stream) owe(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owed += n
	s.more.Broadcast()
}

// waitAnswered waits until every call has its answer queued, the stream has ended, or done.
func (s *stream) waitAnswered(done <-chan struct{}) {
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		s.mu.Lock()
		defer s.mu.Unlock()
		for s.owed > 0 && !s.closed {
			s.more.Wait()
		}
	}()
	select {
	case <-answered:
	case <-done:
	}
}

var errStuck = errors.New("the client does not read what it is sent")

func (s *stream) enqueue(body []byte) error {
	parts := [][]byte{[]byte("Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"), body}
	if s.framing == Lines {
		// A script's lines may end on a terminal.
		parts = [][]byte{plain.JSON(bytes.ReplaceAll(body, []byte("\n"), nil)), []byte("\n")}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return io.ErrClosedPipe
	}
	if s.unsent > 0 && s.unsent+len(body) > 2*maxUnsent {
		s.failLocked(errStuck)
		return errStuck
	}
	if s.unsent == 0 {
		s.taken = time.Now()
	}
	for _, part := range parts {
		s.queue = append(s.queue, part)
		s.unsent += len(part)
	}
	if s.unsent > maxUnsent && s.watch == nil {
		s.watch = time.AfterFunc(stuckTime, s.look)
	}
	s.more.Broadcast()
	return nil
}

// look ends the stream when more waits than may and the client takes nothing.
func (s *stream) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = nil
	switch idle := time.Since(s.taken); {
	case s.closed || s.unsent <= maxUnsent:
	case idle >= stuckTime:
		s.failLocked(errStuck)
	default:
		s.watch = time.AfterFunc(stuckTime-idle, s.look)
	}
}

func (s *stream) writeLoop() {
	for {
		s.mu.Lock()
		for len(s.queue) == 0 && !s.closed {
			s.more.Wait()
		}
		if len(s.queue) == 0 {
			s.mu.Unlock()
			return
		}
		b := s.queue[0]
		if len(b) > writeSize {
			s.queue[0], b = b[writeSize:], b[:writeSize]
		} else {
			s.queue[0], s.queue = nil, s.queue[1:]
		}
		s.writing = true
		s.mu.Unlock()
		_, err := s.rw.Write(b)
		s.mu.Lock()
		s.writing = false
		s.unsent -= len(b)
		s.taken = time.Now()
		if err != nil {
			s.failLocked(fmt.Errorf("write to the client: %w", err))
		}
		s.more.Broadcast()
		s.mu.Unlock()
	}
}

func (s *stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failLocked(err)
}

func (s *stream) failLocked(err error) {
	if s.err == nil {
		s.err = err
	}
	s.queue, s.closed = nil, true
	if s.watch != nil {
		s.watch.Stop()
	}
	s.more.Broadcast()
	s.stopReading()
}

// stopReading makes Read report the end of input.
func (s *stream) stopReading() { s.once.Do(func() { close(s.stop) }) }

// flush waits until what was queued is written, as long as the client takes some of it now and then.
func (s *stream) flush() {
	patience := flushTime
	if s.framing == Lines { // what reads a script's pipe may do something else first
		patience = stuckTime
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	pending := func() bool { return (len(s.queue) > 0 || s.writing) && !s.closed }
	if !pending() {
		return
	}
	s.taken = time.Now()
	tick := time.NewTicker(patience / 4)
	done := make(chan struct{})
	defer close(done)
	defer tick.Stop()
	go func() {
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			s.mu.Lock()
			if pending() && time.Since(s.taken) > patience {
				s.failLocked(errStuck)
			}
			s.mu.Unlock()
		}
	}()
	for pending() {
		s.more.Wait()
	}
}

// Close ends the stream; a read or a write that is blocked is given up. The connection closes it by itself as soon as
// nothing runs, so what is queued is written first.
func (s *stream) Close() error {
	s.stopReading()
	s.flush()
	s.mu.Lock()
	s.closed = true
	if s.watch != nil {
		s.watch.Stop()
	}
	s.more.Broadcast()
	s.mu.Unlock()
	return s.rw.Close()
}

func (s *stream) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stream) badLines() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bad
}

// waiting is how much the client has not taken yet.
func (s *stream) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsent
}
