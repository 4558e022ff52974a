package pane

// stack are the flags of kitty's keyboard protocol that were pushed, the first of them by us: below it is what the terminal
// had. Each screen has a stack of its own.
type stack []int

// maxFlags bounds a stack: terminals drop the oldest of too many, and that would be the user's. Kitty has eight in all, with those
// that were there.
const maxFlags = 6

func (s *stack) flags() int {
	if len(*s) == 0 {
		return 0
	}
	return (*s)[len(*s)-1]
}

func (f *Filter) kitty() *stack {
	if f.modes[altScreen] {
		return &f.alt
	}
	return &f.main
}

// kittyBase pushes the flags that the program may change.
func (f *Filter) kittyBase() *stack {
	s := f.kitty()
	if len(*s) == 0 {
		*s = append(*s, 0)
		f.pass("\x1b[>0u")
	}
	return s
}

func (f *Filter) kittyPush(p []int) {
	s, flags := f.kittyBase(), first(p)&31
	if len(*s) >= maxFlags {
		f.kittySet([]int{flags})
		return
	}
	*s = append(*s, flags)
	f.pass("\x1b[>%du", flags)
}

func (f *Filter) kittyPop(p []int) {
	s := f.kitty()
	n := min(max(first(p), 1), len(*s)-1)
	if n > 0 {
		*s = (*s)[:len(*s)-n]
		f.pass("\x1b[<%du", n)
	}
}

// kittySet changes the newest flags: 1 replaces them, 2 adds to them, 3 takes from them.
func (f *Filter) kittySet(p []int) {
	s, flags, how := f.kittyBase(), first(p)&31, max(at(p, 1), 1)
	top := &(*s)[len(*s)-1]
	switch how {
	case 1:
		*top = flags
	case 2:
		*top |= flags
	case 3:
		*top &^= flags
	default:
		return
	}
	f.pass("\x1b[=%d;1u", *top)
}

// kittyUndo pops all that were pushed on the screen that is shown.
func (f *Filter) kittyUndo() {
	if s := f.kitty(); len(*s) > 0 {
		f.pass("\x1b[<%du", len(*s))
		*s = nil
	}
}
