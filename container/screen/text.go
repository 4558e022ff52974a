package screen

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
)

// maxHistory bounds the text that scrolled away: twice what a log has, as control sequences can make more of it.
const maxHistory = 32 << 20

// Text is what recorded output shows: everything that scrolled off the screen, and the screen. Spaces at the end of
// lines and empty lines at the end are left out, except where the cursor stands behind them, as after a prompt.
func Text(raw []byte) string {
	h := newHistory()
	h.write(raw)
	return h.text()
}

// history is a terminal and the text that left its screen.
type history struct {
	*terminal
	buf []byte
	// A program that draws everything anew erases the screen first. What was there is a section of its own; one that
	// begins as the next does was drawn again, and left out. before and since are where the last two begin.
	before, since int
}

func newHistory() *history {
	h := &history{terminal: newTerminal()}
	h.gone = func(r *row) { h.buf = appendRow(h.buf, r); h.bound() }
	h.cleared = h.turn
	return h
}

// appendRow adds a row and, unless its line goes on, the end of the line.
func appendRow(b []byte, r *row) []byte {
	b = r.appendTo(b)
	if r.wrapped {
		return b
	}
	return append(bytes.TrimRight(b, " "), '\n')
}

// bound drops the oldest half when there is too much.
func (h *history) bound() {
	if len(h.buf) <= 2*maxHistory {
		return
	}
	cut := len(h.buf) - maxHistory
	if i := bytes.IndexByte(h.buf[cut:], '\n'); i >= 0 {
		cut += i + 1
	}
	h.buf = append(h.buf[:0], h.buf[cut:]...)
	h.before, h.since = max(h.before-cut, 0), max(h.since-cut, 0)
}

// turn begins a section, before the main screen is erased.
func (h *history) turn() {
	h.buf = h.appendPage(h.buf, h.main, -1)
	section := h.buf[h.since:]
	switch {
	case len(bytes.TrimSpace(section)) == 0:
		return
	case again(h.buf[h.before:h.since], section):
		h.buf = append(h.buf[:h.before], section...)
	default:
		h.before = h.since
	}
	h.since = len(h.buf)
	h.bound()
}

// appendPage adds the rows of a screen up to the last that has something. The row of the cursor is unfinished.
func (h *history) appendPage(b []byte, p *page, unfinished int) []byte {
	used := p.used()
	for y := range used {
		if r := p.row(y); y < used-1 || y != unfinished {
			b = appendRow(b, r)
		} else {
			b = appendPrompt(b, r, h.x)
		}
	}
	if n := len(b); used > 0 && unfinished < 0 && b[n-1] != '\n' {
		b = append(b, '\n')
	}
	return b
}

// appendPrompt adds a row that is unfinished: spaces before the cursor are part of it.
func appendPrompt(b []byte, r *row, x int) []byte {
	start := len(b)
	b = r.appendTo(b)
	text := bytes.TrimRight(b[start:], " ")
	if spaces := b[start+len(text):]; x >= len(r.cells) {
		text = text[:len(text)+len(spaces)]
	}
	return b[:start+len(text)]
}

func (h *history) text() string {
	main, unfinished := h.buf, -1
	if h.page == h.main {
		unfinished = h.y
	}
	end := h.appendPage(nil, h.main, unfinished)
	if h.page == h.alt || h.leftAlt {
		if n := len(end); n > 0 && end[n-1] != '\n' {
			end = append(end, '\n')
		}
		end = h.appendPage(end, h.alt, -1)
	}
	section := slices.Concat(main[h.since:], end)
	kept := h.since
	if again(main[h.before:h.since], section) {
		kept = h.before
	}
	return string(append(main[:kept:kept], section...))
}

// again tells whether two sections begin with the same three lines. Lines are compared by their letters and digits:
// frames change with the width, and what spins with the time.
func again(a, b []byte) bool {
	x, y := opening(a), opening(b)
	return x != "" && x == y
}

func opening(b []byte) string {
	var out strings.Builder
	for lines := 0; lines < 3 && len(b) > 0; {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		b = rest
		word := strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return r
			}
			return -1
		}, string(line[:min(len(line), 4*maxCols)]))
		if word != "" {
			lines++
			out.WriteString(word + "\n")
		}
	}
	return out.String()
}
