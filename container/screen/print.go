package screen

import (
	"github.com/mattn/go-runewidth"
)

// widths does not depend on the reader's locale: the program's terminal did not.
var widths = &runewidth.Condition{}

// graphics are the lines of DEC's special character set, from '`' on.
var graphics = []rune("◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")

// print writes a character at the cursor.
func (t *terminal) print(r rune) {
	w := 1
	if r >= 0x7f {
		if r < 0xa0 {
			return
		}
		w = widths.RuneWidth(r)
	} else if t.graphics[t.shifted] && r >= '`' && int(r-'`') < len(graphics) {
		r = graphics[r-'`']
	}
	t.homed, t.leftAlt = false, false
	if w == 0 {
		t.mark(r)
		return
	}
	w = min(w, t.cols)
	t.wrap(w)
	row := t.page.row(t.y)
	if t.insert && t.spend(t.cols) {
		row.insertAt(t.x, w, t.cols)
	}
	row.put(t.x, w, r)
	t.last = r
	if t.x += w; t.x >= t.cols {
		row.wrapped = false
		t.x, t.wrapNext = t.cols-1, true
	}
}

// wrap goes to the next row when a character that spans w columns has no room in this one.
func (t *terminal) wrap(w int) {
	switch {
	case !t.wrapNext && t.x+w <= t.cols:
	case t.noWrap:
		t.x, t.wrapNext = t.cols-w, false
	default:
		t.page.row(t.y).wrapped = true
		t.x, t.wrapNext = 0, false
		t.down()
	}
}

func (t *terminal) mark(r rune) {
	x := t.x - 1
	if t.wrapNext {
		x = t.x
	}
	t.page.row(t.y).mark(x, r)
}

// control does what a control character says.
func (t *terminal) control(c byte) {
	switch c {
	case '\b':
		t.x, t.wrapNext = max(t.x-1, 0), false
	case '\t':
		t.tab()
	case '\n', '\v', '\f':
		t.feed()
	case '\r':
		t.x, t.wrapNext = 0, false
	case 0x0e, 0x0f: // SO, SI
		t.shifted = int(0x0f - c)
	case 0x84: // IND
		t.down()
	case 0x85: // NEL
		t.x = 0
		t.feed()
	case 0x8d: // RI
		t.up()
	}
}

// feed ends a line. A program that never placed its cursor means a new line by it, even where nothing has added the
// carriage return: nobody wants to read a staircase.
func (t *terminal) feed() {
	if !t.moved {
		t.x = 0
	}
	t.calm++
	t.down()
	if t.fed != nil {
		t.fed()
	}
}

// tab goes to the next stop. Over nothing, it stays a tab in the text.
func (t *terminal) tab() {
	row, to := t.page.row(t.y), (t.x/8+1)*8
	if to >= t.cols {
		t.x = t.cols - 1
		return
	}
	if t.x >= len(row.cells) {
		row.put(t.x, to-t.x, '\t')
	}
	t.x = to
}

func (t *terminal) down() {
	t.wrapNext = false
	switch {
	case t.y == t.bottom-1:
		t.scrollUp(t.top, 1)
	case t.y < t.rows-1:
		t.y++
	}
}

func (t *terminal) up() {
	t.wrapNext, t.moved, t.calm = false, true, 0
	switch {
	case t.y == t.top:
		t.scrollDown(t.top, 1)
	case t.y > 0:
		t.y--
	}
}

// scrollUp moves the rows from one to the end of the scroll region up by n. Those that leave the screen are history.
func (t *terminal) scrollUp(from, n int) {
	for i := range min(n, t.bottom-from) {
		if i > 0 && !t.spend(1) {
			return
		}
		if from == 0 && t.page == t.main {
			t.keep(t.page.row(0))
		}
		t.spend(t.page.roll(from, t.bottom))
	}
}

func (t *terminal) scrollDown(from, n int) {
	for range min(n, t.bottom-from) {
		if !t.spend(t.bottom - from) {
			return
		}
		t.page.unroll(from, t.bottom)
	}
}
