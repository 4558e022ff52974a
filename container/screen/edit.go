package screen

// edge is a side of the scroll region for a cursor that is inside it, else that of the screen.
func (t *terminal) edge(region, screen int) int {
	if t.y >= t.top && t.y < t.bottom {
		return region
	}
	return screen
}

// address places the cursor by row and column, which may count from the scroll region.
func (t *terminal) address(x, y int) {
	if t.origin {
		y = min(y+t.top, t.bottom-1)
	}
	t.place(x, y)
	t.homed = t.x == 0 && t.y == 0
}

// restore puts the cursor where it was saved.
func (t *terminal) restore() {
	t.place(t.saved.x, t.saved.y)
	t.graphics, t.shifted = t.saved.graphics, t.saved.shifted
}

// region sets the rows that scroll, bottom excluded.
func (t *terminal) region(top, bottom int) {
	if bottom == 0 || bottom > t.rows {
		bottom = t.rows
	}
	if top < bottom-1 {
		t.top, t.bottom = top, bottom
		t.address(0, 0)
		t.homed = false
	}
}

func (t *terminal) eraseLine(how int) {
	row := t.page.row(t.y)
	switch how {
	case 0:
		row.erase(t.x, len(row.cells))
	case 1:
		row.erase(0, t.x+1)
	case 2:
		row.erase(0, len(row.cells))
	}
}

func (t *terminal) eraseScreen(how int) {
	if !t.spend(t.rows) {
		return
	}
	switch {
	case how == 2, how == 0 && t.homed:
		t.wipe()
	case how == 0:
		t.eraseLine(0)
		t.eraseRows(t.y+1, t.rows)
	case how == 1:
		t.eraseRows(0, t.y)
		t.eraseLine(1)
	}
}

func (t *terminal) eraseRows(from, to int) {
	for y := from; y < to; y++ {
		row := t.page.row(y)
		row.erase(0, len(row.cells))
	}
}

// wipe erases the screen as a whole. History is never erased: a log keeps what was written.
func (t *terminal) wipe() {
	if t.page == t.main && t.cleared != nil {
		t.cleared()
	}
	t.page.clear()
}

func (t *terminal) insertLines(n int) {
	if t.y >= t.top && t.y < t.bottom {
		t.calm = 0
		t.scrollDown(t.y, n)
	}
}

// deleteLines takes rows away at the cursor. Even the first is no history then: it was deleted, it did not scroll.
func (t *terminal) deleteLines(n int) {
	if t.y < t.top || t.y >= t.bottom {
		return
	}
	t.calm = 0
	for range min(n, t.bottom-t.y) {
		if !t.spend(t.bottom - t.y) {
			return
		}
		t.page.roll(t.y, t.bottom)
	}
}

// repeat writes the last character again, at most to the end of its row.
func (t *terminal) repeat(n int) {
	if t.last == 0 {
		return
	}
	n = min(n, t.cols-t.x)
	if !t.spend(n) {
		return
	}
	for range n {
		t.print(t.last)
	}
}
