package main

import (
	"bytes"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/parser"
)

// skimmer leaves out of a flood of output what scrolls off the screen before anybody can see it: an emulator moves a
// million cells for a hundred lines. What is left gives the same screen, cursor, modes and colours as the whole.
//
// It only leaves out lines of text, with their colours and with what erases or moves within a line. All other control
// sequences stay, and so does everything where a line that ends may not scroll the whole screen.
type skimmer struct {
	parser     ansi.Parser
	kind       token // of what the parser is in
	cols, rows int
	terms
}

// terms are the terminal's state as far as it decides what may be left out. Where that is not known, it is the worse.
type terms struct {
	region  bool // the screen may scroll in a part of itself
	behind  bool // so may the main or the alternate screen, whichever is not shown
	margins bool // lines may have other ends than the screen's
	noWrap  bool
	tinted  bool // a new row may have another background than the terminal's
}

// token is what a character or a control sequence means for what may be left out. Of several within each other the
// greatest counts.
type token int

const (
	none   token = iota // not known yet
	inLine              // shows, colours, erases or moves within the line
	other
)

func newSkimmer() *skimmer {
	k := &skimmer{}
	k.parser.SetParamsSize(parser.MaxParamsSize)
	k.parser.SetHandler(ansi.Handler{
		Print:     func(r rune) { k.saw(r >= 0xa0 && r != 0xfffd) },
		Execute:   func(byte) { k.saw(false) },
		HandleCsi: k.csi,
		HandleEsc: k.esc,
	})
	return k
}

func (k *skimmer) saw(stays bool) {
	if stays {
		k.kind = max(k.kind, inLine)
	} else {
		k.kind = other
	}
}

// ground reports whether output stopped between characters and sequences.
func (k *skimmer) ground() bool { return k.parser.State() == parser.GroundState }

// plainly are the bytes that need no parser on the ground: they stay in their line, or end it.
var plainly = func() (is [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		is[c] = true
	}
	for _, c := range []byte("\a\b\t\n\r") {
		is[c] = true
	}
	return is
}()

// skim is what a screen of a size has to be given for b. It may be b itself.
func (k *skimmer) skim(b []byte, cols, rows int) []byte {
	k.cols, k.rows = cols, rows
	var out []byte
	done, begun, since := 0, 0, k.terms // what out has of b; the lines that may be left out, and how they begin
	settle := func(end int, t terms) {
		if s := k.shorten(b[begun:end], since, t); s != nil {
			out, done = append(append(out, b[done:begun]...), s...), end
		}
	}
	for i := 0; i < len(b); {
		from, before, whole := i, k.terms, k.ground()
		if whole && plainly[b[i]] {
			i++
			continue
		}
		if i = k.token(b, i); whole && k.kind == inLine && ordinary(b[from:i]) {
			continue
		}
		settle(from, before)
		begun, since = i, k.terms
	}
	settle(len(b), k.terms)
	if done == 0 {
		return b
	}
	return append(out, b[done:]...)
}

// ordinary reports whether a token is written as all programs write it: shorten looks for no other.
func ordinary(token []byte) bool {
	return token[0] >= 0xc2 || bytes.HasPrefix(token, sequence) && bytes.LastIndexByte(token, ansi.ESC) == 0 && bytes.IndexByte(token, 0x9b) < 0
}

// token reads one character or sequence, or what there is of it, and tells where it ends.
func (k *skimmer) token(b []byte, i int) int {
	for k.kind = none; i < len(b); {
		k.parser.Advance(b[i])
		if i++; k.ground() {
			return i
		}
	}
	k.kind = other // it goes on in the next output
	return i
}

// csi looks at a control sequence.
func (k *skimmer) csi(cmd ansi.Cmd, params ansi.Params) {
	final := cmd.Final()
	if cmd.Prefix() == '?' && (final == 'h' || final == 'l') {
		k.modes(params, final == 'h')
	}
	if cmd.Prefix() != 0 || cmd.Intermediate() != 0 {
		k.saw(false)
		return
	}
	switch final {
	case 'm':
		k.colours(params)
		k.saw(true)
		return
	case 'K', 'G', 'C', 'D', 'X', 'P', '@', '`', 'a':
		k.saw(true)
		return
	case 'r':
		top, _, _ := params.Param(0, 1)
		bottom, _, _ := params.Param(1, k.rows)
		k.region = k.behind || top > 1 || bottom != 0 && bottom != k.rows
	case 'u':
		k.tinted = true
	}
	k.saw(false)
}

func (k *skimmer) colours(params ansi.Params) {
	if first, _, _ := params.Param(0, 0); first == 0 {
		k.tinted = false
	}
	for i := range params {
		n, _, _ := params.Param(i, 0)
		k.tinted = k.tinted || background(n)
	}
}

// background reports whether a parameter of CSI m may set one.
func background(n int) bool { return n >= 40 && n <= 48 || n >= 100 && n <= 107 }

func (k *skimmer) modes(params ansi.Params, on bool) {
	for i := range params {
		switch n, _, _ := params.Param(i, 0); n {
		case 7:
			k.noWrap = !on
		case 69:
			k.margins = k.margins || on
		case 1047, 1049:
			k.behind, k.tinted = k.region, true
		case 1048:
			k.tinted = true
		}
	}
}

func (k *skimmer) esc(cmd ansi.Cmd) {
	k.saw(false)
	switch {
	case cmd.Intermediate() != 0:
	case cmd.Final() == 'c':
		k.terms = terms{}
	case cmd.Final() == '8':
		k.tinted = true
	}
}
