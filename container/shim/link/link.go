// Package link carries several streams of bytes and messages over one connection between hjk-ls and the helper in a container.
//
// Each stream has a window of its own: what its reader has not taken holds up that stream alone, and never the messages, the other
// streams, or the end of the connection, by which each side learns that the other is gone. So both always read, and what they keep is
// bounded, whoever writes at the other end.
package link

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Stream is one direction of bytes.
type Stream byte

// The streams of a command: its standard input, output and error.
const (
	In Stream = iota
	Out
	Err
	streams
)

// Window is how much of a stream may be on its way.
const Window = 1 << 20

// Kinds of frames. Each has a kind, a stream, the length of its payload in four bytes (big endian), and the payload.
const (
	kindData    = iota // bytes of a stream
	kindEnd            // a stream ends
	kindRoom           // the stream's reader took so many bytes more (four bytes)
	kindShut           // the stream's reader takes no more
	kindMessage        // a JSON value
)

const (
	head       = 6
	maxPayload = 32 << 10
)

// ErrShut means that the other side takes no more of a stream.
var ErrShut = errors.New("the reader has closed the stream")

// Link is one end of a connection. Serve reads it; all other methods may be called meanwhile, by several goroutines.
type Link struct {
	r       io.Reader
	writing sync.Mutex // one frame at a time
	w       io.Writer

	mu      sync.Mutex // guards what follows
	changed *sync.Cond
	ways    [streams]way
	over    error // why nothing comes any more
}

// way is what one end knows of a stream.
type way struct {
	room int  // that the other side has for what is sent
	shut bool // it takes no more

	queue   []byte // that came and nobody has taken yet
	spare   []byte // an empty queue
	granted int    // what may still come
	ended   bool   // nothing more comes
	refused bool   // nothing more is taken
}

// New is an end that reads r and writes w.
func New(r io.Reader, w io.Writer) *Link {
	l := &Link{r: r, w: w}
	l.changed = sync.NewCond(&l.mu)
	for i := range l.ways {
		l.ways[i] = way{room: Window, granted: Window}
	}
	return l
}

// Serve reads the connection until it ends, or message, which is called with each message, returns an error, which it gives back. Then
// nothing waits any more: senders end with that error, and receivers when they have given on what came.
func (l *Link) Serve(message func([]byte) error) error {
	err := l.serve(message)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = err
	l.changed.Broadcast()
	return err
}

func (l *Link) serve(message func([]byte) error) error {
	var h [head]byte
	buf := make([]byte, maxPayload)
	for {
		if _, err := io.ReadFull(l.r, h[:]); err != nil {
			return err
		}
		n := binary.BigEndian.Uint32(h[2:])
		if n > maxPayload || h[0] > kindMessage || Stream(h[1]) >= streams {
			return errors.New("what came is no frame")
		}
		payload := buf[:n]
		if _, err := io.ReadFull(l.r, payload); err != nil {
			return err
		}
		take := l.frame
		if h[0] == kindMessage {
			take = func(_ byte, _ Stream, b []byte) error { return message(b) }
		}
		if err := take(h[0], Stream(h[1]), payload); err != nil {
			return err
		}
	}
}

// frame takes one of a stream.
func (l *Link) frame(kind byte, s Stream, payload []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	way := &l.ways[s]
	switch kind {
	case kindData:
		if way.granted -= len(payload); way.granted < 0 || way.ended {
			return errors.New("more came of a stream than was asked for")
		}
		if !way.refused {
			way.queue = append(way.queue, payload...)
		}
	case kindEnd:
		way.ended = true
	case kindRoom:
		if len(payload) != 4 {
			return errors.New("what came is no frame")
		}
		way.room = min(way.room+int(binary.BigEndian.Uint32(payload)), Window)
	case kindShut:
		way.shut = true
	}
	l.changed.Broadcast()
	return nil
}

// Send gives what r has to a stream, until its end. Where the other side takes no more of it, it is ErrShut.
func (l *Link) Send(s Stream, r io.Reader) error {
	buf := make([]byte, head+maxPayload)
	for {
		n, err := r.Read(buf[head:])
		for sent := 0; sent < n; {
			room, err := l.take(s, n-sent)
			if err != nil {
				return err
			}
			// The frame's head takes the place of what was sent before.
			if err := l.write(kindData, s, buf[sent:head+sent+room]); err != nil {
				return err
			}
			sent += room
		}
		if err != nil {
			ended := l.write(kindEnd, s, make([]byte, head))
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, ended)
		}
	}
}

// take waits for room for a part of most bytes.
func (l *Link) take(s Stream, most int) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	way := &l.ways[s]
	for way.room == 0 && !way.shut && l.over == nil {
		l.changed.Wait()
	}
	switch {
	case way.shut:
		return 0, ErrShut
	case l.over != nil:
		return 0, l.over
	}
	n := min(most, way.room)
	way.room -= n
	return n, nil
}

// Receive gives what comes of a stream to w, until its end. When w fails, the other side learns that no more is taken. A connection
// that ends in the middle of the stream is an error.
func (l *Link) Receive(s Stream, w io.Writer) error {
	taken := 0
	for {
		b, err := l.next(s)
		if err != nil {
			if errors.Is(err, errEnded) {
				return nil
			}
			return err
		}
		if _, err := w.Write(b); err != nil {
			l.refuse(s)
			return err
		}
		if taken += len(b); taken >= Window/4 {
			l.grant(s, taken)
			taken = 0
		}
	}
}

// errEnded is that a stream has ended.
var errEnded = errors.New("the stream has ended")

// next waits for what comes of a stream. What it gives is valid until the next call.
func (l *Link) next(s Stream) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	way := &l.ways[s]
	for len(way.queue) == 0 && !way.ended && l.over == nil {
		l.changed.Wait()
	}
	switch {
	case len(way.queue) > 0:
		b := way.queue
		way.queue, way.spare = way.spare[:0], b
		return b, nil
	case way.ended:
		return nil, errEnded
	}
	return nil, fmt.Errorf("the connection ended in the middle of a stream: %w", l.over)
}

func (l *Link) grant(s Stream, n int) {
	l.mu.Lock()
	l.ways[s].granted += n
	l.mu.Unlock()
	frame := make([]byte, head+4)
	binary.BigEndian.PutUint32(frame[head:], uint32(n))
	_ = l.write(kindRoom, s, frame) // who is gone is seen by Serve
}

func (l *Link) refuse(s Stream) {
	l.mu.Lock()
	l.ways[s].refused, l.ways[s].queue = true, nil
	l.mu.Unlock()
	_ = l.write(kindShut, s, make([]byte, head))
}

// Tell sends a message.
func (l *Link) Tell(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > maxPayload {
		return fmt.Errorf("a message of %d bytes is too long", len(b))
	}
	return l.write(kindMessage, 0, append(make([]byte, head), b...))
}

// write sends a frame, whose head it fills in.
func (l *Link) write(kind byte, s Stream, frame []byte) error {
	frame[0], frame[1] = kind, byte(s)
	binary.BigEndian.PutUint32(frame[2:], uint32(len(frame)-head))
	l.writing.Lock()
	defer l.writing.Unlock()
	_, err := l.w.Write(frame)
	return err
}
