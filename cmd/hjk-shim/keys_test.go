package main

import (
	"bytes"
	"io"
	"net"
	"testing"
)

// TestFirstKeysAreLetGo: a key that may be the first of two that detach reaches the program without another. Read with the next key,
// as before, it would not come here at all.
func TestFirstKeysAreLetGo(t *testing.T) {
	for _, key := range []string{"\x10", "\x02", "a\x02", "\x02x\x10"} {
		in, typed := io.Pipe()
		session, c := net.Pipe()
		left := make(chan int, 1)
		go func() { left <- (&frameWriter{c: c}).keys(in) }()
		if _, err := io.WriteString(typed, key); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for len(got) < len(key) {
			kind, b, err := readFrame(session)
			if err != nil || kind != frameData {
				t.Fatalf("%q: %v", key, err)
			}
			got = append(got, b...)
		}
		if !bytes.Equal(got, []byte(key)) {
			t.Errorf("%q becomes %q", key, got)
		}
		go func() { _, _ = typed.Write([]byte("\x02d")) }()
		go func() { _, _ = io.Copy(io.Discard, session) }()
		<-left
		_ = session.Close()
	}
}
