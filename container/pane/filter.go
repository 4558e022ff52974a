// Package pane is the pane of glass between a program in a container and the terminal of its user. What is seen passes. What
// would act on the terminal beyond the screen, read something from it, or stay behind, does not, or is undone in the end.
//
// A sequence passes only whole, written anew from its checked parts, so that no terminal reads it in another way than it was
// read here, and that the output may end at any byte. Questions never pass: they are answered here, so that nothing that a
// terminal says arrives late at whoever reads the terminal next.
package pane

import (
	"unicode/utf8"
)

// Options are what a filter asks of who has it. All may be nil.
type Options struct {
	// Clipboard says whether the program may write these bytes of text to the clipboard. nil is never.
	Clipboard func(bytes int) bool
	// Answer takes answers to the program's questions. nil leaves them without.
	Answer func([]byte)
	// Cursor is where the cursor is, from 1. It may be asked while Shown has not got all.
	Cursor func() (row, col int)
	// Shown takes what passed so far, before Cursor is asked.
	Shown func([]byte)
}

// Filter reads a program's output. It is not safe for use by several goroutines at once.
type Filter struct {
	o     Options
	state func(*Filter, byte)
	out   []byte
	seq   []byte // of the sequence that is being read: its parameters, or its text
	intro byte   // of a string: ']' for OSC, 'P' for DCS, else one that never passes
	inter []byte // intermediate bytes
	ender string // what ended the string, and is to end its answer
	utf8  []byte // the beginning of a character
	terms
}

// New is a filter in front of a terminal whose state is nobody's.
func New(o Options) *Filter {
	f := &Filter{o: o, state: (*Filter).ground}
	f.terms.init()
	return f
}

const (
	maxParams = 256     // of a control sequence
	maxDigits = 5       // of a number: a terminal may do what it says so many times
	maxText   = 4 << 10 // of an OSC or a DCS
	maxCopy   = 1 << 20 // of an OSC that writes to the clipboard
	maxKept   = 64 << 10
)

// plain are the bytes that pass as they are on the ground.
var plain = func() (is [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		is[c] = true
	}
	for _, c := range []byte("\a\b\t\n\v\f\r") {
		is[c] = true
	}
	return is
}()

const esc = 0x1b

// Filter gives of b, and of what was left of the last, what may pass. It is valid until the next call.
func (f *Filter) Filter(b []byte) []byte {
	if cap(f.out) > maxKept && len(b) < maxKept {
		f.out = nil
	}
	n := 0
	if f.grounded() {
		if n = run(b); n == len(b) {
			return b
		}
	}
	f.out = append(f.out[:0], b[:n]...)
	for i := n; i < len(b); {
		if f.grounded() {
			if n := run(b[i:]); n > 0 {
				f.out = append(f.out, b[i:i+n]...)
				i += n
				continue
			}
			if n := f.wide(b[i:]) + f.shows(b[i:]); n > 0 {
				i += n
				continue
			}
		}
		f.step(b[i])
		i++
	}
	return f.out
}

func (f *Filter) grounded() bool { return f.intro == onGround && len(f.utf8) == 0 }

// run is how many bytes at the beginning pass as they are.
func run(b []byte) int {
	for i, c := range b {
		if !plain[c] {
			return i
		}
	}
	return len(b)
}

// wide passes the whole characters beyond ASCII at the beginning of b.
func (f *Filter) wide(b []byte) (n int) {
	for n < len(b) && b[n] >= utf8.RuneSelf {
		r, size := utf8.DecodeRune(b[n:])
		if size == 1 || r < 0xa0 {
			break
		}
		f.out = append(f.out, b[n:n+size]...)
		n += size
	}
	return n
}

// shows passes a whole control sequence at the beginning of b that only shows, without taking it apart.
func (f *Filter) shows(b []byte) int {
	if len(b) < 3 || b[0] != esc || b[1] != '[' {
		return 0
	}
	digits := 0
	for i, c := range b[2:min(len(b), maxParams)] {
		switch {
		case c >= '0' && c <= '9':
			if digits++; digits > maxDigits {
				return 0
			}
		case c == ':' || c == ';':
			digits = 0
		case c == 'J' || c == 'T' || !only[c]:
			return 0
		default:
			f.colours = f.colours || c == 'm'
			f.out = append(f.out, b[:i+3]...)
			return i + 3
		}
	}
	return 0
}

// step reads one byte. Outside of characters there are only those of 7 bits: the C1 control characters are what ESC makes of
// others, and one that comes as a character of UTF-8 is read so.
func (f *Filter) step(c byte) {
	if len(f.utf8) == 0 && c < utf8.RuneSelf {
		f.state(f, c)
		return
	}
	if len(f.utf8) > 0 && c&0xc0 != 0x80 { // cut off
		f.utf8 = f.utf8[:0]
		f.text(utf8.RuneError)
		f.step(c)
		return
	}
	f.utf8 = append(f.utf8, c)
	if !utf8.FullRune(f.utf8) {
		return
	}
	r, _ := utf8.DecodeRune(f.utf8)
	f.utf8 = f.utf8[:0]
	if r >= 0x80 && r < 0xa0 {
		f.state(f, esc)
		f.state(f, byte(r)-0x40)
		return
	}
	f.text(r)
}

// text is a character beyond ASCII, or what stands for bytes that are none.
func (f *Filter) text(r rune) {
	switch f.intro {
	case onGround:
		f.out = utf8.AppendRune(f.out, r)
	case ']':
		f.collect(utf8.AppendRune(nil, r)...)
	case inSequence: // no sequence has one: it is cut off
		f.toGround()
		f.out = utf8.AppendRune(f.out, r)
	}
}

// Values of intro beside the bytes that begin a string.
const (
	onGround   = 0
	inSequence = 1
)

func (f *Filter) toGround() { f.enter(onGround, (*Filter).ground) }

func (f *Filter) enter(intro byte, state func(*Filter, byte)) {
	f.intro, f.state, f.seq, f.inter = intro, state, f.seq[:0], f.inter[:0]
	if cap(f.seq) > maxText {
		f.seq = nil
	}
}

func (f *Filter) ground(c byte) {
	switch {
	case c == esc:
		f.enter(inSequence, (*Filter).escape)
	case plain[c]:
		f.out = append(f.out, c)
	case c == 0x0e || c == 0x0f: // SO, SI
		f.shifted = c == 0x0e
		f.out = append(f.out, c)
	}
}

// begin handles what is the same in all sequences: another one begins, or this one is canceled.
func (f *Filter) begin(c byte) bool {
	switch c {
	case esc:
		f.enter(inSequence, (*Filter).escape)
	case 0x18, 0x1a:
		f.toGround()
	default:
		return false
	}
	return true
}

// control does what a control character within a sequence does on terminals: it acts at once.
func (f *Filter) control(c byte) bool {
	if c >= 0x20 && c != 0x7f {
		return false
	}
	if plain[c] {
		f.out = append(f.out, c)
	}
	return true
}

func (f *Filter) escape(c byte) {
	switch {
	case f.begin(c), f.control(c):
	case c < 0x30:
		if f.inter = append(f.inter, c); len(f.inter) > 2 {
			f.inter = f.inter[:2]
		}
	case len(f.inter) > 0:
		f.designate(f.inter, c)
		f.toGround()
	case c == '[':
		f.enter(inSequence, (*Filter).csi)
	case c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_':
		f.enter(c, (*Filter).str)
	default:
		f.toGround()
		f.single(c)
	}
}

// csi collects a control sequence: parameters, intermediate bytes, and the byte that ends it.
func (f *Filter) csi(c byte) {
	switch {
	case f.begin(c), f.control(c):
	case c < 0x30:
		f.inter = append(f.inter, c)
	case c < 0x40:
		f.seq = append(f.seq, c)
		if len(f.inter) > 0 { // a parameter behind an intermediate byte
			f.inter = append(f.inter, '!', '!')
		}
	case len(f.seq) > maxParams || len(f.inter) > 1:
		f.toGround()
	default:
		f.command(f.seq, f.inter, c)
		f.toGround()
	}
	if len(f.seq) > maxParams {
		f.seq = f.seq[:maxParams+1]
	}
	if len(f.inter) > 2 {
		f.inter = f.inter[:2]
	}
}

// str collects a string, and ends it at BEL (OSC only) or ESC \. A title that is never ended must not swallow the lines that
// follow.
func (f *Filter) str(c byte) {
	switch {
	case c == esc:
		f.state = (*Filter).strEnd
	case c == 0x18, c == 0x1a:
		f.toGround()
	case f.intro == ']' && c == '\n':
		f.toGround()
		f.ground(c)
	case c == '\a' && f.intro == ']':
		f.finish("\a")
	case c >= 0x20 && c != 0x7f:
		f.collect(c)
	}
}

func (f *Filter) strEnd(c byte) {
	if c == '\\' {
		f.finish("\x1b\\")
		return
	}
	f.enter(inSequence, (*Filter).escape)
	f.escape(c)
}

// collect keeps the text of a string up to its bound; what is longer is marked so by one byte more.
func (f *Filter) collect(b ...byte) {
	most := maxText
	if f.intro == ']' && len(f.seq) >= 3 && string(f.seq[:3]) == "52;" {
		most = maxCopy
	}
	if len(f.seq) <= most && (f.intro == ']' || f.intro == 'P') {
		f.seq = append(f.seq, b...)
	}
}

func (f *Filter) finish(ender string) {
	text, intro := f.seq, f.intro
	f.ender = ender
	switch intro {
	case ']':
		f.osc(text)
	case 'P':
		f.dcs(text)
	}
	f.toGround()
}
