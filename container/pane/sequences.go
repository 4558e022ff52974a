package pane

import (
	"bytes"
	"fmt"
	"strconv"
)

// passing are the control sequences without a prefix that only show: they pass with any numbers.
const passing = "@ABCDEFGHIJKLMPSTXZ`abdefm"

var only = func() (is [256]bool) {
	for _, c := range []byte(passing) {
		is[c] = true
	}
	return is
}()

// handlers are the other control sequences that mean something here, by prefix, intermediate and last byte.
var handlers = map[string]func(*Filter, []int){
	"r":   (*Filter).scrollRegion,
	"s":   (*Filter).saveCursor,
	"u":   (*Filter).restoreCursor,
	"h":   func(f *Filter, p []int) { f.ansiModes(p, true) },
	"l":   func(f *Filter, p []int) { f.ansiModes(p, false) },
	"?h":  func(f *Filter, p []int) { f.privateModes(p, true) },
	"?l":  func(f *Filter, p []int) { f.privateModes(p, false) },
	" q":  (*Filter).cursorStyle,
	"!p":  func(f *Filter, _ []int) { f.softReset() },
	"t":   (*Filter).window,
	">m":  (*Filter).keyFormat,
	">n":  func(f *Filter, p []int) { f.keyFormat(append(p, 0)) },
	">u":  (*Filter).kittyPush,
	"<u":  (*Filter).kittyPop,
	"=u":  (*Filter).kittySet,
	"c":   func(f *Filter, p []int) { f.identify(p, "\x1b[?62;22c") },
	">c":  func(f *Filter, p []int) { f.identify(p, "\x1b[>1;277;0c") }, // from 277 on vim takes the mouse's reports in their best form
	"=c":  func(f *Filter, p []int) { f.identify(p, "\x1bP!|00000000\x1b\\") },
	">q":  func(f *Filter, p []int) { f.identify(p, "\x1bP>|hjk-ls\x1b\\") },
	"n":   (*Filter).status,
	"?n":  (*Filter).privateStatus,
	"$p":  func(f *Filter, p []int) { f.answer("\x1b[%d;%d$y", first(p), f.ansiSetting(first(p))) },
	"?$p": func(f *Filter, p []int) { f.answer("\x1b[?%d;%d$y", first(p), f.setting(first(p))) },
	"?u":  func(f *Filter, _ []int) { f.answer("\x1b[?%du", f.kitty().flags()) },
	"?m": func(f *Filter, p []int) {
		if first(p) == otherKeys {
			f.answer("\x1b[>%d;%dm", otherKeys, f.keys)
		}
	},
}

// command is a whole control sequence.
func (f *Filter) command(params, inter []byte, final byte) {
	prefix := byte(0)
	if len(params) > 0 && params[0] >= '<' {
		prefix, params = params[0], params[1:]
	}
	if bytes.ContainsAny(params, "<=>?") {
		return
	}
	if prefix == 0 && len(inter) == 0 && only[final] {
		f.show(params, final)
		return
	}
	key := string(inter) + string(final)
	if prefix != 0 {
		key = string(prefix) + key
	}
	if h := handlers[key]; h != nil {
		h(f, numbers(params))
	}
}

// show passes a sequence that shows, but for those that in some forms do more.
func (f *Filter) show(params []byte, final byte) {
	switch {
	case longNumber(params):
		return
	case final == 'J' && first(numbers(params)) > 2: // what the user's terminal keeps of before is the user's
		return
	case final == 'T' && bytes.IndexByte(params, ';') >= 0: // mouse tracking that has the program answer
		return
	case final == 'm':
		f.colours = true
	}
	f.out = append(f.out, esc, '[')
	f.out = append(f.out, params...)
	f.out = append(f.out, final)
}

func longNumber(params []byte) bool {
	digits := 0
	for _, c := range params {
		if digits++; c == ';' || c == ':' {
			digits = 0
		}
		if digits > maxDigits {
			return true
		}
	}
	return false
}

// numbers are parameters; absent ones are 0, and none are above what fits a terminal's.
func numbers(params []byte) []int {
	if len(params) == 0 {
		return nil
	}
	var all []int
	for _, p := range bytes.Split(params, []byte{';'}) {
		n, err := strconv.Atoi(string(p))
		if err != nil && len(p) > 0 {
			n = -1 // sub-parameters or a number that is none: nothing knows it
		}
		all = append(all, min(n, 1<<16))
	}
	return all
}

func first(p []int) int { return at(p, 0) }

func at(p []int, i int) int {
	if i < len(p) {
		return p[i]
	}
	return 0
}

func (f *Filter) pass(format string, args ...any) { f.out = fmt.Appendf(f.out, format, args...) }

// single is an escape sequence of one byte.
func (f *Filter) single(c byte) {
	switch c {
	case '7', '8', 'D', 'E', 'M':
		f.pass("\x1b%c", c)
	case '=', '>':
		f.keypad = c == '='
		f.pass("\x1b%c", c)
	case 'c':
		f.hardReset()
	case 'Z':
		f.identify(nil, "\x1b[?62;22c")
	}
}

// designate chooses a character set. All but the lines of DEC's are ASCII.
func (f *Filter) designate(inter []byte, final byte) {
	if len(inter) != 1 || inter[0] != '(' && inter[0] != ')' {
		return
	}
	g := inter[0] - '('
	f.graphics[g] = final == '0'
	if final != '0' {
		final = 'B'
	}
	f.pass("\x1b%c%c", inter[0], final)
}

func (f *Filter) scrollRegion(p []int) {
	f.region = [2]int{at(p, 0), at(p, 1)}
	if len(p) == 0 {
		f.pass("\x1b[r")
		return
	}
	f.pass("\x1b[%d;%dr", max(f.region[0], 1), max(f.region[1], 0))
}

// saveCursor and restoreCursor have no parameters; with some they are others.
func (f *Filter) saveCursor(p []int) {
	if len(p) == 0 {
		f.pass("\x1b[s")
	}
}

func (f *Filter) restoreCursor(p []int) {
	if len(p) == 0 {
		f.pass("\x1b[u")
	}
}

func (f *Filter) cursorStyle(p []int) {
	if n := first(p); n >= 0 && n <= 6 {
		f.cursor = n
		f.pass("\x1b[%d q", n)
	}
}

// window keeps and restores the title. All other of these sequences move the window or have the terminal tell something.
func (f *Filter) window(p []int) {
	switch first(p) {
	case 22:
		if f.titles < maxTitles {
			f.keepTitle()
			f.titles++
			f.pass("\x1b[22;0t")
		}
	case 23:
		if f.titles > 0 {
			f.titles--
			f.pass("\x1b[23;0t")
		}
	}
}
