package screen

import "github.com/charmbracelet/x/ansi"

// sequence is a control sequence's parameters; what is absent has a default.
type sequence struct{ params ansi.Params }

// n is a count: 1 where it is absent or 0.
func (s sequence) n(i int) int { return max(s.at(i), 1) }

func (s sequence) at(i int) int {
	v, _, _ := s.params.Param(i, 0)
	return clamp(v, 0, 10*maxCols)
}

// moves and edits are control sequences without a prefix, by their last byte.
var moves = map[byte]func(*terminal, sequence){
	'A': func(t *terminal, s sequence) { t.place(t.x, max(t.y-s.n(0), t.edge(t.top, 0))) },
	'B': func(t *terminal, s sequence) { t.place(t.x, min(t.y+s.n(0), t.edge(t.bottom, t.rows)-1)) },
	'C': func(t *terminal, s sequence) { t.place(t.x+s.n(0), t.y) },
	'D': func(t *terminal, s sequence) { t.place(t.x-s.n(0), t.y) },
	'E': func(t *terminal, s sequence) { t.place(0, min(t.y+s.n(0), t.edge(t.bottom, t.rows)-1)) },
	'F': func(t *terminal, s sequence) { t.place(0, max(t.y-s.n(0), t.edge(t.top, 0))) },
	'G': func(t *terminal, s sequence) { t.place(s.n(0)-1, t.y) },
	'H': func(t *terminal, s sequence) { t.address(s.n(1)-1, s.n(0)-1) },
	'I': func(t *terminal, s sequence) { t.place((t.x/8+s.n(0))*8, t.y) },
	'Z': func(t *terminal, s sequence) { t.place(((t.x+7)/8-s.n(0))*8, t.y) },
	'`': func(t *terminal, s sequence) { t.place(s.n(0)-1, t.y) },
	'a': func(t *terminal, s sequence) { t.place(t.x+s.n(0), t.y) },
	'd': func(t *terminal, s sequence) { t.address(t.x, s.n(0)-1) },
	'e': func(t *terminal, s sequence) { t.place(t.x, t.y+s.n(0)) },
	'f': func(t *terminal, s sequence) { t.address(s.n(1)-1, s.n(0)-1) },
	's': func(t *terminal, _ sequence) { t.saved = t.cursor },
	'u': func(t *terminal, _ sequence) { t.restore() },
}

var edits = map[byte]func(*terminal, sequence){
	'@': func(t *terminal, s sequence) { t.page.row(t.y).insertAt(t.x, min(s.n(0), t.cols-t.x), t.cols) },
	'J': func(t *terminal, s sequence) { t.eraseScreen(s.at(0)) },
	'K': func(t *terminal, s sequence) { t.eraseLine(s.at(0)) },
	'L': func(t *terminal, s sequence) { t.insertLines(s.n(0)) },
	'M': func(t *terminal, s sequence) { t.deleteLines(s.n(0)) },
	'P': func(t *terminal, s sequence) { t.page.row(t.y).deleteAt(t.x, s.n(0)) },
	'S': func(t *terminal, s sequence) { t.scrollUp(t.top, s.n(0)) },
	'T': func(t *terminal, s sequence) { t.scrollDown(t.top, s.n(0)) },
	'X': func(t *terminal, s sequence) { t.page.row(t.y).erase(t.x, t.x+s.n(0)) },
	'b': func(t *terminal, s sequence) { t.repeat(s.n(0)) },
	'h': func(t *terminal, s sequence) { t.insert = t.insert || s.at(0) == 4 },
	'l': func(t *terminal, s sequence) { t.insert = t.insert && s.at(0) != 4 },
	'r': func(t *terminal, s sequence) { t.region(s.n(0)-1, s.at(1)) },
	't': func(t *terminal, s sequence) {
		if s.at(0) == 8 { // the recorder tells the size
			t.resize(s.n(2), s.n(1))
		}
	},
}

func (t *terminal) csi(cmd ansi.Cmd, params ansi.Params) {
	s := sequence{params}
	homed := t.homed
	t.homed = false
	switch {
	case cmd.Intermediate() == '!' && cmd.Final() == 'p':
		t.reset()
	case cmd.Intermediate() != 0:
	case cmd.Prefix() == '?':
		t.private(cmd.Final(), s)
	case cmd.Prefix() != 0:
	case moves[cmd.Final()] != nil:
		moves[cmd.Final()](t, s)
	case edits[cmd.Final()] != nil && t.spend(len(t.page.row(t.y).cells)+1):
		t.homed = homed
		edits[cmd.Final()](t, s)
		t.homed = false
	}
}

// private switches DEC's modes.
func (t *terminal) private(final byte, s sequence) {
	if final != 'h' && final != 'l' {
		return
	}
	on := final == 'h'
	for i := range s.params {
		switch s.at(i) {
		case 6:
			t.origin = on
			t.address(0, 0)
		case 7:
			t.noWrap = !on
		case 47, 1047, 1049:
			t.alternate(on)
		case 1048:
			if on {
				t.saved = t.cursor
			} else {
				t.restore()
			}
		}
	}
}

// alternate goes to the alternate screen or back. The alternate one is emptied when it is entered and not when it is
// left, so that it can be shown if nothing comes after.
func (t *terminal) alternate(on bool) {
	if on == (t.page == t.alt) || !t.spend(t.rows) {
		return
	}
	t.moved = true
	if on {
		t.behind = t.cursor
		t.alt.clear()
		t.page = t.alt
	} else {
		t.page, t.cursor = t.main, t.behind
		t.x, t.y = clamp(t.x, 0, t.cols-1), clamp(t.y, 0, t.rows-1)
	}
	t.calm, t.leftAlt = 0, !on
}

func (t *terminal) esc(cmd ansi.Cmd) {
	switch cmd.Intermediate() {
	case '(', ')':
		t.graphics[cmd.Intermediate()-'('] = cmd.Final() == '0'
		return
	case 0:
	default:
		return
	}
	switch cmd.Final() {
	case '7':
		t.saved = t.cursor
	case '8':
		t.restore()
	case 'D':
		t.down()
	case 'E':
		t.control(0x85)
	case 'M':
		t.up()
	case 'c':
		if t.spend(t.rows) {
			t.alternate(false)
			t.wipe()
			t.reset()
			t.place(0, 0)
		}
	}
}

func (t *terminal) reset() {
	t.noWrap, t.insert, t.origin, t.shifted, t.graphics = false, false, false, 0, [2]bool{}
	t.top, t.bottom, t.saved = 0, t.rows, cursor{}
}
