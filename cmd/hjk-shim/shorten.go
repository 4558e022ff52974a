package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// shorten leaves out of lines of text what cannot be on the screen behind them; nil is nothing. begin and end are how it is
// before and behind them.
func (k *skimmer) shorten(z []byte, begin, end terms) []byte {
	if len(z) < 4*k.rows || end.margins || end.region {
		return nil
	}
	cut := false
	if !end.noWrap {
		z, cut = k.shortenRuns(z)
	}
	if s := k.lastLines(z, begin.tinted, end.noWrap); s != nil {
		return s
	}
	if cut {
		return z
	}
	return nil
}

// shortenRuns takes rows out of lines that fill many screens. A row that is taken out is as wide as the screen, so that what
// follows stands where it stood.
func (k *skimmer) shortenRuns(z []byte) (out []byte, cut bool) {
	most := (4*k.rows + 2) * k.cols
	done := 0
	for i := 0; len(z)-i > most; {
		i += unprintable(z[i:])
		n := printable(z[i:])
		if n > most {
			keep := i + k.cols // whether the cursor waits to wrap is as it was from here on
			drop := (n - most) / k.cols * k.cols
			out, done, cut = append(out, z[done:keep]...), keep+drop, true
		}
		i += n
	}
	if !cut {
		return z, false
	}
	return append(out, z[done:]...), true
}

// unprintable is how long the character or sequence is that stands at the beginning and is not of ASCII.
func unprintable(b []byte) int {
	switch {
	case len(b) == 0 || printable(b[:1]) == 1:
		return 0
	case b[0] != ansi.ESC:
		return 1
	}
	n := len(sequence)
	for b[n] < '@' || b[n] > '~' {
		n++
	}
	return n + 1
}

// printable is how many characters of ASCII stand at the beginning.
func printable(b []byte) int {
	for i, c := range b {
		if c < 0x20 || c > 0x7e {
			return i
		}
	}
	return len(b)
}

// lastLines keeps the lines at the end that fill the screen. Where all rows are to have the terminal's own background, it
// begins on an empty screen; else so many lines are kept that all of what was there before scrolls away.
func (k *skimmer) lastLines(z []byte, tinted, noWrap bool) []byte {
	from := k.linesFilling(z, k.rows, noWrap)
	colours, tint := carried(z[:from], tinted)
	start := fmt.Sprintf("\x1b[%dS\x1b[H", k.rows)
	if tint || tints(z[from:]) {
		from = k.linesFilling(z, 2*k.rows+1, noWrap)
		colours, _ = carried(z[:from], tinted)
		start = "\r"
	}
	if bytes.Count(z[:from], newline) < k.rows { // the cursor may not have come down to where all scrolls
		return nil
	}
	return slices.Concat(slices.Concat(colours...), []byte(start), z[from:])
}

var (
	sequence = []byte("\x1b[")
	newline  = []byte{'\n'}
)

// linesFilling is where the lines begin that fill n rows at the end of z; 0 where there are not so many.
func (k *skimmer) linesFilling(z []byte, n int, noWrap bool) int {
	for end, rows := len(z), 0; ; {
		at := bytes.LastIndexByte(z[:end], '\n')
		if at < 1 || z[at-1] != '\r' { // a line that does not begin at the left
			return 0
		}
		line := bytes.TrimRight(z[at+1:end], "\r")
		if rows++; !noWrap && printable(line) == len(line) {
			rows += max(len(line)-1, 0) / k.cols
		}
		if rows >= n {
			return at + 1
		}
		end = at
	}
}

// carried are the sequences that made the colours behind z, and whether those have a background.
func carried(z []byte, tinted bool) (colours [][]byte, tint bool) {
	for {
		at := bytes.LastIndex(z, sequence)
		if at < 0 {
			slices.Reverse(colours)
			return colours, tint || tinted
		}
		if params, ok := colour(z[at:]); ok {
			colours = append(colours, z[at:at+len(sequence)+len(params)+1])
			tint = tint || tintedBy(params)
			if s := string(params); s == "" || s == "0" || strings.HasPrefix(s, "0;") {
				slices.Reverse(colours)
				return colours, tint
			}
		}
		z = z[:at]
	}
}

// tints reports whether a background is set somewhere in z.
func tints(z []byte) bool {
	for {
		at := bytes.Index(z, sequence)
		if at < 0 {
			return false
		}
		if params, ok := colour(z[at:]); ok && tintedBy(params) {
			return true
		}
		z = z[at+len(sequence):]
	}
}

// colour are the parameters of the CSI m that z begins with.
func colour(z []byte) (params []byte, ok bool) {
	z = z[len(sequence):]
	for i, c := range z {
		if c < '0' || c > ';' {
			return z[:i], c == 'm'
		}
	}
	return nil, false
}

func tintedBy(params []byte) bool {
	for _, f := range bytes.FieldsFunc(params, func(r rune) bool { return r == ';' || r == ':' }) {
		if n, err := strconv.Atoi(string(f)); err == nil && background(n) {
			return true
		}
	}
	return false
}
