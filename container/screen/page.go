package screen

import "unicode/utf8"

// cell is one column of a row. The columns that a character spans beyond its first hold tail.
type cell struct {
	r     rune // 0: never written, or erased
	marks string
}

const tail = rune(-1)

// maxMarks bounds the combining characters of one cell, in bytes.
const maxMarks = 32

// row is one row of a screen; cells that were never written need not be there.
type row struct {
	cells   []cell
	wrapped bool // its line goes on in the next row
	told    bool // a follower has it as it is
}

// page is the rows of a screen, as a ring: a line that scrolls moves nothing.
type page struct {
	rows []row
	top  int
}

func newPage(rows int) *page { return &page{rows: make([]row, rows)} }

func (p *page) row(y int) *row {
	y += p.top
	if y >= len(p.rows) {
		y -= len(p.rows)
	}
	return &p.rows[y]
}

// used is how many rows there are up to the last that has something.
func (p *page) used() int {
	for y := len(p.rows); y > 0; y-- {
		if !p.row(y - 1).blank() {
			return y
		}
	}
	return 0
}

func (p *page) clear() {
	for y := range p.rows {
		p.rows[y].clear()
	}
}

// resize makes it n rows, of which the first is what row off was.
func (p *page) resize(n, off int) {
	rows := make([]row, n)
	for y := range min(n, len(p.rows)-off) {
		rows[y] = *p.row(y + off)
	}
	p.rows, p.top = rows, 0
}

// roll moves the rows from top to bottom (excluded) up by one; the last becomes empty. It tells how many it moved.
func (p *page) roll(top, bottom int) int {
	first := *p.row(top)
	first.clear()
	n := bottom - top
	if n == len(p.rows) {
		p.top = (p.top + 1) % n
		n = 1
	} else {
		for y := top; y < bottom-1; y++ {
			*p.row(y) = *p.row(y + 1)
		}
	}
	*p.row(bottom - 1) = first
	return n
}

// unroll moves them down by one; the first becomes empty.
func (p *page) unroll(top, bottom int) {
	last := *p.row(bottom - 1)
	last.clear()
	for y := bottom - 1; y > top; y-- {
		*p.row(y) = *p.row(y - 1)
	}
	*p.row(top) = last
}

func (r *row) clear() { r.cells, r.wrapped, r.told = r.cells[:0], false, false }

func (r *row) blank() bool {
	for _, c := range r.cells {
		if c.r != 0 && c.r != ' ' {
			return false
		}
	}
	return true
}

// put writes a character that spans w columns at x.
func (r *row) put(x, w int, c rune) {
	r.told = false
	if x == len(r.cells) && w == 1 {
		r.cells = append(r.cells, cell{r: c})
		return
	}
	r.pad(x)
	r.split(x)
	r.split(x + w)
	r.pad(x + w)
	r.cells[x] = cell{r: c}
	for i := x + 1; i < x+w; i++ {
		r.cells[i] = cell{r: tail}
	}
}

func (r *row) pad(n int) {
	for len(r.cells) < n {
		r.cells = append(r.cells, cell{})
	}
}

// split makes spaces of a character that spans x-1 and x, of which a part is about to be overwritten.
func (r *row) split(x int) {
	if x >= len(r.cells) || r.cells[x].r != tail {
		return
	}
	for x > 0 && r.cells[x].r == tail {
		x--
	}
	r.cells[x] = cell{r: ' '}
	for x++; x < len(r.cells) && r.cells[x].r == tail; x++ {
		r.cells[x] = cell{r: ' '}
	}
}

// mark adds a combining character to the one at x.
func (r *row) mark(x int, c rune) {
	for x > 0 && x < len(r.cells) && r.cells[x].r == tail {
		x--
	}
	if x < 0 || x >= len(r.cells) || r.cells[x].r == 0 || len(r.cells[x].marks) >= maxMarks {
		return
	}
	r.told = false
	r.cells[x].marks += string(c)
}

// erase empties the columns from a to b (excluded).
func (r *row) erase(a, b int) {
	if a >= len(r.cells) {
		return
	}
	r.told = false
	r.split(a)
	if b >= len(r.cells) {
		r.cells = r.cells[:a]
		r.wrapped = false
		return
	}
	r.split(b)
	clear(r.cells[a:b])
}

// insertAt shifts what is at x and behind right by n, and drops what leaves the width.
func (r *row) insertAt(x, n, width int) {
	if x >= len(r.cells) {
		return
	}
	r.told = false
	r.split(x)
	r.cells = append(r.cells, make([]cell, n)...)
	copy(r.cells[x+n:], r.cells[x:len(r.cells)-n])
	clear(r.cells[x : x+n])
	if len(r.cells) > width {
		r.split(width)
		r.cells = r.cells[:width]
	}
}

// deleteAt takes n columns at x away.
func (r *row) deleteAt(x, n int) {
	if x >= len(r.cells) {
		return
	}
	r.told = false
	r.split(x)
	r.split(x + n)
	r.cells = append(r.cells[:x], r.cells[min(x+n, len(r.cells)):]...)
}

// appendTo adds the row's text to b: up to the last character that was written, spaces among them.
func (r *row) appendTo(b []byte) []byte {
	n := len(r.cells)
	for n > 0 && r.cells[n-1].r == 0 {
		n--
	}
	for _, c := range r.cells[:n] {
		switch c.r {
		case tail:
			continue
		case 0:
			b = append(b, ' ')
		default:
			b = utf8.AppendRune(b, c.r)
			b = append(b, c.marks...)
		}
	}
	return b
}
