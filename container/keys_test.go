package container

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// TestKeys: the keys that detach arrive in the form that the helper knows, and are noticed; others stay as they are.
func TestKeys(t *testing.T) {
	for _, c := range []struct {
		name     string
		typed    []string
		want     string
		detached int
	}{
		{"plain", []string{"a\x02d"}, "a\x02d", 1},
		{"in pieces", []string{"\x02", "d"}, "\x02d", 1},
		{"a Ctrl-b that is meant", []string{"\x02\x02d"}, "\x02\x02d", 0},
		{"of kitty", []string{"\x1b[98;5u", "\x1b[98;5:3u", "\x1b[57442;5:3u", "\x1b[100u"}, "\x02d", 1},
		{"of kitty, with kinds of events", []string{"\x1b[98;5:1u\x1b[98;5:3ud"}, "\x02d", 1},
		{"of kitty, with locks", []string{"\x1b[98;133u", "\x1b[98;133:3u", "\x1b[100;129u"}, "\x02d", 1},
		{"of kitty, with other layouts and text", []string{"\x1b[1080::98;5u", "\x1b[1080::98;5:3u", "\x1b[1074::100;;1074u"}, "\x02d", 1},
		{"of kitty, with text", []string{"\x1b[98;5u", "\x1b[100;;100u"}, "\x02d", 1},
		{"of kitty, at once", []string{"a\x1b[98;5u\x1b[98;5:3u\x1b[100u"}, "a\x02d", 1},
		{"of xterm", []string{"\x1b[27;5;98~d"}, "\x02d", 1},
		{"Ctrl-p Ctrl-q of kitty", []string{"\x1b[112;5u\x1b[112;5:3u\x1b[113;5u"}, "\x10\x11", 1},
		{"Ctrl-p that is meant", []string{"\x10\x10", "x\x11"}, "\x10\x10x\x11", 0},
		{"other keys", []string{"\x1b[99;5u\x1b[100u\x1b[1;5A", "d"}, "\x1b[99;5u\x1b[100u\x1b[1;5Ad", 0},
	} {
		n := 0
		k := newKeys(func() { n++ })
		var got []byte
		for _, s := range c.typed {
			got = append(got, k.watch([]byte(s))...)
		}
		if string(got) != c.want || n != c.detached {
			t.Errorf("%s: %q, detached %d times", c.name, got, n)
		}
	}
}

// TestKeysThatDetachAreSeenBehindALot: a program that does not read cannot keep its user.
func TestKeysThatDetachAreSeenBehindALot(t *testing.T) {
	left := make(chan bool, 1)
	k := newKeys(func() { left <- true })
	k.queue = make([]byte, maxTyped+1)
	go k.typed(strings.NewReader("\x02d"))
	<-left
	k.end()
}

// TestKeysWaitForNobody: what is typed is looked at, and answers are bounded, when nothing is read. All that is typed arrives.
func TestKeysWaitForNobody(t *testing.T) {
	left := make(chan bool, 1)
	k := newKeys(func() { left <- true })
	for range 10_000 {
		k.answer(bytes.Repeat([]byte("x"), 100))
	}
	if n := len(k.queue); n > maxAnswers+100 {
		t.Errorf("%d bytes of answers are kept", n)
	}
	k.queue = nil
	in := strings.Repeat("typed ", 1<<16) + "\x02d"
	k.typed(io.MultiReader(strings.NewReader(in)))
	<-left
	var out bytes.Buffer
	k.send(&out)
	if out.String() != in {
		t.Errorf("%d bytes arrived of %d", out.Len(), len(in))
	}
}
