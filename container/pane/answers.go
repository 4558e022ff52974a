package pane

import (
	"bytes"
	"fmt"
)

func (f *Filter) answer(format string, args ...any) {
	if f.o.Answer != nil {
		f.o.Answer(fmt.Appendf(nil, format, args...))
	}
}

// identify answers what this terminal is.
func (f *Filter) identify(p []int, is string) {
	if first(p) == 0 {
		f.answer("%s", is)
	}
}

// status answers DSR: that all is well, and where the cursor is.
func (f *Filter) status(p []int) {
	switch first(p) {
	case 5:
		f.answer("\x1b[0n")
	case 6:
		f.position("\x1b[%d;%dR")
	}
}

func (f *Filter) privateStatus(p []int) {
	if first(p) == 6 {
		f.position("\x1b[?%d;%dR")
	}
}

// position tells where the cursor is. All that came before has to be shown for that.
func (f *Filter) position(format string) {
	if f.o.Cursor == nil || f.o.Answer == nil {
		return
	}
	if f.o.Shown != nil {
		f.o.Shown(f.out)
	}
	row, col := f.o.Cursor()
	f.answer(format, row, col)
}

// dcs is a whole device control string. Questions are answered, but for the cursor's style, with that it is not known; nothing else
// is for a terminal that others use, too.
func (f *Filter) dcs(text []byte) {
	switch {
	case string(text) == "$q q":
		f.answer("\x1bP1$r%d q\x1b\\", f.cursor)
	case bytes.HasPrefix(text, []byte("$q")):
		f.answer("\x1bP0$r\x1b\\")
	case bytes.HasPrefix(text, []byte("+q")):
		f.answer("\x1bP0+r\x1b\\")
	}
}

// base are the first colors of the usual palette.
var base = [16]string{
	"0000/0000/0000", "cdcd/0000/0000", "0000/cdcd/0000", "cdcd/cdcd/0000", "0000/0000/eeee", "cdcd/0000/cdcd", "0000/cdcd/cdcd", "e5e5/e5e5/e5e5",
	"7f7f/7f7f/7f7f", "ffff/0000/0000", "0000/ffff/0000", "ffff/ffff/0000", "5c5c/5c5c/ffff", "ffff/0000/ffff", "0000/ffff/ffff", "ffff/ffff/ffff",
}

// usual is a color of xterm's palette: 16 of their own, a cube of 6 steps a side, and greys.
func usual(n int) string {
	step := func(i int) int {
		if i == 0 {
			return 0
		}
		return 55 + 40*i
	}
	r, g, b := 0, 0, 0
	switch {
	case n < 16:
		return base[n]
	case n < 232:
		n -= 16
		r, g, b = step(n/36), step(n/6%6), step(n%6)
	default:
		r = 8 + 10*(n-232)
		g, b = r, r
	}
	return fmt.Sprintf("%02x%02x/%02x%02x/%02x%02x", r, r, g, g, b, b)
}
