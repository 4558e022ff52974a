package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// TestAllIsAnswered: a program that asks for the whole palette at once, and then waits for what this terminal is, gets that.
func TestAllIsAnswered(t *testing.T) {
	master, program, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if _, err := term.MakeRaw(int(program.Fd())); err != nil {
		t.Fatal(err)
	}
	if master, err = polled(master); err != nil {
		t.Fatal(err)
	}
	s := newScreen(master, &logFile{}, 20, 5, func() {})
	defer func() {
		_ = program.Close()
		<-s.done
		silence(s.em)
	}()
	var questions strings.Builder
	for i := range 256 {
		fmt.Fprintf(&questions, "\x1b]4;%d;?\a", i)
	}
	const is = "\x1b[?62;22c"
	if _, err := program.WriteString(questions.String() + "\x1b[c"); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for buf := make([]byte, 4096); !strings.Contains(got.String(), is); {
		ready := []unix.PollFd{{Fd: int32(program.Fd()), Events: unix.POLLIN}}
		if n, err := unix.Poll(ready, 20_000); n == 0 && err == nil {
			t.Fatalf("there are %d answers, and not the last", strings.Count(got.String(), "\x1b]4;"))
		}
		n, err := program.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(buf[:n])
	}
	if n := strings.Count(got.String(), "\x1b]4;"); n != 256 || !strings.HasSuffix(got.String(), is) {
		t.Errorf("%d answers, and at last %q", n, got.String()[max(0, got.Len()-40):])
	}
}
