// Package screen shows recorded terminal output as text: the lines that scrolled away and the screen below them, as a
// person saw them.
//
// It is a terminal of its own, because those in libraries do not tell a line that was broken at the edge from two
// lines, keep colors with each character, and take the more time the more they keep. What it reads was written by an
// agent: sizes, history and the work that a byte can cause are bounded.
package screen

import (
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/parser"
)

// The size that a terminal has until its log says another.
const (
	defaultCols = 120
	defaultRows = 40
)

const (
	maxCols = 1000
	maxRows = 500
	// maxWork bounds what control sequences may cost, in cells and rows moved. Programs stay far below. Above it only
	// text and lines count.
	maxWork = 1 << 29
)

// terminal is the state of a terminal. Positions count from 0.
type terminal struct {
	parser     *ansi.Parser
	cols, rows int
	main, alt  *page
	page       *page // main or alt
	cursor
	saved       cursor
	behind      cursor // of the main screen, while the alternate one is shown
	top, bottom int    // scroll region, bottom excluded
	noWrap      bool
	insert      bool
	origin      bool
	last        rune // for REP
	work        int

	homed   bool // the cursor was just sent to the upper left corner
	moved   bool // the program has placed its cursor: it knows how terminals work
	calm    int  // lines since the cursor last went up or down by other means
	leftAlt bool // nothing was written since the alternate screen was left

	gone    func(r *row) // a row scrolls off the top of the main screen
	cleared func()       // the main screen is about to be erased as a whole
	fed     func()       // a line was ended
}

// cursor is what DECSC saves.
type cursor struct {
	x, y     int
	wrapNext bool    // the last column was written; the next character goes to the next row
	graphics [2]bool // G0 and G1 draw lines instead of letters
	shifted  int     // which of them is used
}

func newTerminal() *terminal {
	t := &terminal{parser: ansi.NewParser(), cols: defaultCols, rows: defaultRows, calm: maxRows}
	t.main, t.alt = newPage(t.rows), newPage(t.rows)
	t.page, t.bottom = t.main, t.rows
	t.parser.SetDataSize(16) // titles and the like are not looked at
	t.parser.SetHandler(ansi.Handler{Print: t.print, Execute: t.control, HandleCsi: t.csi, HandleEsc: t.esc})
	return t
}

// write shows b. What it cannot digest must not end the reader: it starts afresh behind that.
func (t *terminal) write(b []byte) {
	for len(b) > 0 {
		b = b[t.digest(b):]
	}
}

// digest shows b up to what it cannot digest, and tells how much that was.
func (t *terminal) digest(b []byte) (done int) {
	defer func() {
		if recover() != nil {
			t.parser.Reset()
			t.main, t.alt = newPage(t.rows), newPage(t.rows)
			t.page, t.cursor = t.main, cursor{}
			t.reset()
		}
	}()
	for _, c := range b {
		done++
		t.step(c)
	}
	return done
}

func (t *terminal) step(c byte) {
	switch state := t.parser.State(); state {
	case parser.GroundState:
		if c >= 0x20 && c < 0x7f {
			t.print(rune(c))
			return
		}
	case parser.Utf8State:
		if c&0xc0 != 0x80 { // cut off, as where a log was rotated: the parser would swallow what follows
			t.parser.Reset()
			t.print('\ufffd')
		}
	case parser.OscStringState:
		if c == '\n' { // a title that is never ended must not swallow the rest
			t.parser.Reset()
		}
	}
	t.parser.Advance(c)
}

// spend tells whether the program may have n more cells or rows moved. One that had too many has its scroll region
// taken, so that lines cost nothing.
func (t *terminal) spend(n int) bool {
	if t.work > maxWork {
		t.top, t.bottom = 0, t.rows
		return false
	}
	t.work += n
	return true
}

// lines tells whether the program writes line by line: a screen full of lines has come without its cursor being
// placed on another.
func (t *terminal) lines() bool { return t.calm >= t.rows && t.page == t.main }

// place puts the cursor somewhere, within the screen.
func (t *terminal) place(x, y int) {
	x, y = clamp(x, 0, t.cols-1), clamp(y, 0, t.rows-1)
	if y != t.y {
		t.calm = 0
	}
	t.x, t.y, t.wrapNext, t.moved = x, y, false, true
}

// resize gives the terminal another size. Rows that do not fit any more go the way of those that scroll off; cells
// beyond the edge stay until something is written there.
func (t *terminal) resize(cols, rows int) {
	cols, rows = clamp(cols, 1, maxCols), clamp(rows, 1, maxRows)
	if !t.spend(rows + t.rows) {
		return
	}
	t.cols = cols
	if rows != t.rows {
		off := max(t.main.used(), t.mainY()+1) - rows
		for y := range max(off, 0) {
			t.keep(t.main.row(y))
		}
		t.main.resize(rows, max(off, 0))
		t.alt.resize(rows, 0)
		t.rows = rows
		if t.page == t.main {
			t.y -= max(off, 0)
		} else {
			t.behind.y -= max(off, 0)
		}
	}
	t.top, t.bottom = 0, rows
	t.x, t.y = clamp(t.x, 0, cols-1), clamp(t.y, 0, rows-1)
	t.wrapNext = false
}

// mainY is where the cursor is, or will be again, on the main screen.
func (t *terminal) mainY() int {
	if t.page == t.main {
		return t.y
	}
	return min(t.behind.y, t.rows-1)
}

func (t *terminal) keep(r *row) {
	if t.gone != nil {
		t.gone(r)
	}
}

func clamp(n, low, high int) int { return max(low, min(n, high)) }
