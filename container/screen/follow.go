package screen

import "bytes"

// Follower gives the text of output that grows. Of a program that writes line by line it gives every line when it
// ends. Of one that draws, it gives lines when they scroll off the screen, as nothing changes them any more, and the
// rest at the end.
type Follower struct {
	*terminal
	out  bytes.Buffer
	open string // the beginning of an unfinished line that was given already
}

// NewFollower goes on after output of which all text was given.
func NewFollower(before []byte) (f *Follower, text string) {
	h := newHistory()
	h.write(before)
	text = h.text()
	f = &Follower{terminal: h.terminal}
	f.adopt()
	f.gone, f.cleared, f.fed = f.tell, nil, f.lineEnded
	return f, text
}

// adopt marks what is on the screen as given.
func (f *Follower) adopt() {
	for y := range f.main.used() {
		f.main.row(y).told = true
	}
	if y := f.main.used() - 1; y >= 0 && f.page == f.main && y == f.y {
		r := f.main.row(y)
		r.told, f.open = false, string(appendPrompt(nil, r, f.x))
	}
}

// Write takes more output and gives the text that is ready.
func (f *Follower) Write(raw []byte) []byte {
	f.write(raw)
	return f.take()
}

// Rest gives what is on the screen and was not given.
func (f *Follower) Rest() []byte {
	used := f.main.used()
	for y := range used {
		r := f.main.row(y)
		switch {
		case r.told:
		case y == used-1 && y == f.y && f.page == f.main:
			f.give(appendPrompt(nil, r, f.x))
			f.open = ""
		default:
			f.tell(r)
		}
	}
	if f.page == f.alt || f.leftAlt {
		for y := range f.alt.used() {
			f.tell(f.alt.row(y))
		}
	}
	return f.take()
}

func (f *Follower) take() []byte {
	b := bytes.Clone(f.out.Bytes())
	f.out.Reset()
	return b
}

// lineEnded gives the lines above the cursor, if this is a program that does not come back to them.
func (f *Follower) lineEnded() {
	if !f.lines() {
		return
	}
	for y := range f.y {
		f.tell(f.main.row(y))
	}
}

func (f *Follower) tell(r *row) {
	if r.told {
		return
	}
	r.told = true
	f.give(appendRow(nil, r))
}

// give goes on with the line that is unfinished if b is the same line, else ends it.
func (f *Follower) give(b []byte) {
	switch rest, ok := bytes.CutPrefix(b, []byte(f.open)); {
	case ok:
		b = rest
	case string(bytes.TrimRight(b, "\n")) == string(bytes.TrimRight([]byte(f.open), " ")):
		b = []byte("\n")
	default:
		f.out.WriteByte('\n')
	}
	f.open = ""
	f.out.Write(b)
}
