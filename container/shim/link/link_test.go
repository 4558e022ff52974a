package link

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// pair is two ends of a connection, which are served until the test ends. said gets the second's messages.
func pair(t *testing.T) (a, b *Link, said chan string) {
	t.Helper()
	x, y := net.Pipe()
	t.Cleanup(func() { _, _ = x.Close(), y.Close() })
	a, b, said = New(x, x), New(y, y), make(chan string, 16)
	go func() { _ = a.Serve(func([]byte) error { return nil }) }()
	go func() {
		_ = b.Serve(func(m []byte) error {
			said <- string(m)
			return nil
		})
	}()
	return a, b, said
}

func TestStreamsArriveWhole(t *testing.T) {
	a, b, _ := pair(t)
	want := make([]byte, 3*Window+12345)
	_, _ = rand.Read(want)
	for _, s := range []Stream{In, Out, Err} {
		go func() { _ = a.Send(s, bytes.NewReader(want)) }()
	}
	for _, s := range []Stream{Err, In, Out} { // each waits for none of the others
		var got bytes.Buffer
		if err := b.Receive(s, &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("stream %d: %d bytes came that are not the %d that were sent", s, got.Len(), len(want))
		}
	}
}

// endless has as many bytes as are wanted, and counts those that were taken.
type endless struct{ read chan int }

func (e endless) Read(b []byte) (int, error) {
	e.read <- len(b)
	return len(b), nil
}

func TestReaderThatWaitsHoldsUpItsStreamAlone(t *testing.T) {
	a, b, said := pair(t)
	e := endless{make(chan int, 1000)}
	go func() { _ = a.Send(Out, e) }()
	deadline := time.After(10 * time.Second)
	taken := 0
	for taken < Window {
		select {
		case n := <-e.read:
			taken += n
		case <-deadline:
			t.Fatalf("only %d bytes were taken", taken)
		}
	}
	if err := a.Tell("there"); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-said:
		if m != `"there"` {
			t.Fatalf("%s was said", m)
		}
	case <-deadline:
		t.Fatal("a message waits for a stream that nobody reads")
	}
	go func() { _ = a.Send(Err, strings.NewReader("error")) }()
	var got bytes.Buffer
	if err := b.Receive(Err, &got); err != nil || got.String() != "error" {
		t.Fatalf("%q came: %v", got.String(), err)
	}
	for len(e.read) > 0 {
		taken += <-e.read
	}
	if taken > Window+2*maxPayload {
		t.Fatalf("%d bytes were taken for a reader that takes none", taken)
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestSenderLearnsThatNobodyReads(t *testing.T) {
	a, b, _ := pair(t)
	sent := make(chan error, 1)
	go func() { sent <- a.Send(Out, endless{make(chan int, 1<<20)}) }()
	if err := b.Receive(Out, closed{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Fatalf("the reader's own error is told, not %v", err)
	}
	select {
	case err := <-sent:
		if !errors.Is(err, ErrShut) {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the sender goes on")
	}
}

func TestEndOfConnectionEndsAll(t *testing.T) {
	x, y := net.Pipe()
	l := New(y, y)
	served := make(chan error, 1)
	go func() { served <- l.Serve(func([]byte) error { return nil }) }()
	received := make(chan error, 1)
	var got bytes.Buffer
	go func() { received <- l.Receive(In, &got) }()
	if _, err := x.Write([]byte{kindData, byte(In), 0, 0, 0, 2, 'h', 'i'}); err != nil {
		t.Fatal(err)
	}
	_ = x.Close()
	if err := <-served; !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if err := <-received; !errors.Is(err, io.EOF) || got.String() != "hi" {
		t.Fatalf("%q came, and then %v; a stream that was cut off is no whole one", got.String(), err)
	}
}

// TestForged has an end refuse what no end says: who can write to a container's helper is not trusted.
func TestForged(t *testing.T) {
	data := func(n int) []byte {
		return append([]byte{kindData, byte(Out), 0, 0, byte(n >> 8), byte(n)}, make([]byte, n)...)
	}
	for name, bytesOf := range map[string][]byte{
		"no kind":         {9, 0, 0, 0, 0, 0},
		"no stream":       {kindData, 7, 0, 0, 0, 0},
		"too long":        {kindData, 0, 1, 0, 0, 0},
		"room of no size": {kindRoom, 0, 0, 0, 0, 1, 1},
		"after its end":   append([]byte{kindEnd, byte(Out), 0, 0, 0, 0}, data(1)...),
		"unasked":         bytes.Repeat(data(16<<10), Window/(16<<10)+1),
	} {
		t.Run(name, func(t *testing.T) {
			l := New(bytes.NewReader(append(bytesOf, data(1)...)), io.Discard)
			if err := l.Serve(func([]byte) error { return nil }); err == nil || errors.Is(err, io.EOF) {
				t.Fatalf("it was taken: %v", err)
			}
		})
	}
	l := New(bytes.NewReader([]byte{kindRoom, byte(Out), 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff}), io.Discard)
	_ = l.Serve(func([]byte) error { return nil })
	if l.ways[Out].room != Window {
		t.Fatalf("the other side gave itself a room of %d", l.ways[Out].room)
	}
}
