package pane

import (
	"maps"
	"slices"
)

// terms are what a program has changed on the terminal.
type terms struct {
	modes    map[int]bool // of DEC, that are not as their defaults
	insert   bool
	colours  bool // there were some
	shifted  bool
	graphics [2]bool // G0 and G1 are DEC's lines
	keypad   bool
	region   [2]int
	cursor   int // its style
	keys     int // of xterm's modifyOtherKeys
	main     stack
	alt      stack
	link     bool
	titled   bool // the title from before is kept on the terminal
	titles   int  // that the program keeps there beside it
}

const maxTitles = 4

func (t *terms) init() { t.modes = map[int]bool{} }

// allowed are the private modes that pass, and what they are without a program: those of the screen, and of what keys, the
// mouse and pastes send. Not among them are those that have the terminal tell something unasked for later.
var allowed = map[int]bool{
	1: false, 5: false, 6: false, 7: true, 9: false, 12: false, 25: true, 66: false, 1000: false, 1002: false, 1003: false, 1004: false,
	1005: false, 1006: false, 1015: false, 1016: false, 2004: false, 2026: false, altScreen: false,
}

const altScreen = 1049

// reporting are the modes that have the terminal send what nobody typed.
var reporting = []int{9, 1000, 1002, 1003, 1004}

// mode changes one private mode.
func (f *Filter) mode(n int, on bool) {
	if n == 47 || n == 1047 {
		n = altScreen
	}
	if n == 1048 {
		f.single(map[bool]byte{true: '7', false: '8'}[on])
		return
	}
	normal, ok := allowed[n]
	if !ok || n == altScreen && f.modes[n] == on { // entering twice loses where the cursor was
		return
	}
	if n == altScreen && !on { // else its keys would stay, for the next program there
		f.kittyUndo()
	}
	if on == normal {
		delete(f.modes, n)
	} else {
		f.modes[n] = true
	}
	f.set(n, on)
}

func (f *Filter) set(n int, on bool) { f.pass("\x1b[?%d%c", n, letter(on)) }

func letter(on bool) byte {
	if on {
		return 'h'
	}
	return 'l'
}

func (f *Filter) privateModes(p []int, on bool) {
	for _, n := range p {
		f.mode(n, on)
	}
}

func (f *Filter) ansiModes(p []int, on bool) {
	for _, n := range p {
		if n == 4 {
			f.insert = on
			f.pass("\x1b[4%c", letter(on))
		}
	}
}

// setting is what DECRQM is told: 0 is a mode that is not known, 1 is set, 2 is not.
func (f *Filter) setting(n int) int {
	normal, ok := allowed[n]
	switch {
	case !ok:
		return 0
	case normal != f.modes[n]:
		return 1
	}
	return 2
}

func (f *Filter) ansiSetting(n int) int {
	switch {
	case n != 4:
		return 0
	case f.insert:
		return 1
	}
	return 2
}

// otherKeys is the resource of xterm's that says which keys are sent in a longer form.
const otherKeys = 4

func (f *Filter) keyFormat(p []int) {
	if first(p) != otherKeys {
		return
	}
	if n := at(p, 1); n >= 0 && n <= 3 {
		f.keys = n
		f.pass("\x1b[>%d;%dm", otherKeys, n)
	}
}

// softReset is DECSTR. What terminals make of it differs, so each thing is reset by its own name.
func (f *Filter) softReset() {
	for _, n := range []int{1, 6, 66} {
		if f.modes[n] {
			f.mode(n, false)
		}
	}
	f.mode(7, true)
	f.mode(25, true)
	f.plainly()
}

// hardReset is RIS without what it does to the terminal beyond the screen.
func (f *Filter) hardReset() {
	f.undo()
	f.out = append(f.out, "\x1b[H\x1b[2J"...)
}

// plainly undoes what changes how characters are shown.
func (f *Filter) plainly() {
	f.insert, f.shifted, f.graphics, f.region, f.keypad, f.colours = false, false, [2]bool{}, [2]int{}, false, false
	f.out = append(f.out, "\x1b7\x1b[r\x1b8\x1b[4l\x0f\x1b(B\x1b)B\x1b>\x1b[0m"...)
}

// undo puts the terminal into the state that it had without the program, but for what is on the screen and the title.
func (f *Filter) undo() {
	f.mode(altScreen, false)
	f.kittyUndo()
	if f.modes[6] { // the cursor goes home with it
		f.mode(6, false)
		f.out = append(f.out, "\x1b[r\x1b[999H"...)
	}
	for _, n := range slices.Sorted(maps.Keys(f.modes)) {
		f.mode(n, allowed[n])
	}
	if f.keys != 0 {
		f.pass("\x1b[>%dm", otherKeys)
	}
	if f.cursor != 0 {
		f.pass("\x1b[0 q")
	}
	if f.link {
		f.out = append(f.out, "\x1b]8;;\x1b\\"...)
	}
	f.keys, f.cursor, f.link = 0, 0, false
	f.plainly()
}

// Restore is what puts the terminal back to how it was before, whatever the program had set, after the output that passed.
func (f *Filter) Restore() []byte {
	f.toGround()
	f.utf8, f.out = f.utf8[:0], f.out[:0]
	f.undo()
	for ; f.titles > 0; f.titles-- {
		f.pass("\x1b[23;0t")
	}
	if f.titled {
		f.titled = false
		f.pass("\x1b[23;0t")
	}
	return f.out
}

// Reporting tells whether the terminal sends what nobody typed: some may still be on its way after Restore.
func (f *Filter) Reporting() bool {
	return slices.ContainsFunc(reporting, func(n int) bool { return f.modes[n] }) || f.kitty().flags()&2 != 0
}

// Neutral sets a terminal so that a screen can be drawn on it, whatever it was set to before.
const Neutral = "\x1b[?6l\x1b[?7h\x1b[r\x1b[4l\x0f\x1b(B\x1b)B\x1b[0m"

// preferred are the forms of the mouse's reports, from the least to the best: of several that a program asks for it knows all.
var preferred = []int{1005, 1015, 1006, 1016}

// setModes sets the modes but for the screen and the cursor. What is off comes first: on most terminals the modes of the mouse are
// one value, and so are the forms of its reports, so that to take one away takes away whichever there is.
func (f *Filter) setModes(changed map[int]bool) {
	var on []int
	for _, n := range slices.Sorted(maps.Keys(allowed)) {
		switch {
		case n == altScreen || n == 25:
		case allowed[n] != changed[n]:
			on = append(on, n)
		default:
			f.set(n, false)
		}
	}
	slices.SortStableFunc(on, func(a, b int) int { return slices.Index(preferred, a) - slices.Index(preferred, b) })
	for _, n := range on {
		f.set(n, true)
	}
}

// Modes sets a terminal to what the program expects, but for the screens and the cursor, whatever it was set to before. What
// scrolls of the screen is set only with region.
func (f *Filter) Modes(region bool) []byte {
	g := New(Options{})
	g.plainly()
	if region && f.region != [2]int{} {
		g.scrollRegion(f.region[:])
	}
	g.setModes(f.modes)
	if f.insert {
		g.pass("\x1b[4h")
	}
	if f.keypad {
		g.pass("\x1b=")
	}
	for i, lines := range f.graphics {
		if lines {
			g.pass("\x1b%c0", '('+byte(i))
		}
	}
	if f.shifted {
		g.pass("\x0e")
	}
	g.pass("\x1b[>%d;%dm\x1b[%d q\x1b[<%du", otherKeys, f.keys, f.cursor, maxFlags)
	for _, flags := range *f.kitty() {
		g.pass("\x1b[>%du", flags)
	}
	return g.out
}
