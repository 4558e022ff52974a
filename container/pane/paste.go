package pane

// bracketedPaste is the mode in which a terminal says where a pasted text begins and ends.
const bracketedPaste = 2004

// Pastes reports whether the program asked for pasted texts in brackets.
func (f *Filter) Pastes() bool { return f.modes[bracketedPaste] }
