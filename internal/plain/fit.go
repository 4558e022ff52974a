package plain

import "unicode/utf8"

// jsonSize is how many bytes a character takes in a string of JSON, as encoding/json writes it without an eye on HTML.
func jsonSize(r rune, size int) int {
	switch {
	case r == '"' || r == '\\' || r == '\n' || r == '\r' || r == '\t' || r == '\b' || r == '\f':
		return 2
	case r < ' ' || r == '\u2028' || r == '\u2029' || r == utf8.RuneError && size == 1:
		return 6
	}
	return size
}

// Head is the beginning of s that takes at most budget bytes in JSON, and whether that is not all of it. It ends with a line
// where it is cut, unless there is none.
func Head(s string, budget int) (head string, cut bool) {
	line := 0
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		if budget -= jsonSize(r, size); budget < 0 {
			if line == 0 {
				line = i
			}
			return s[:line], true
		}
		if r == '\n' {
			line = i + 1
		}
	}
	return s, false
}

// Tail is the end of s that takes at most budget bytes in JSON, and whether that is not all of it. It begins with a line
// where it is cut, unless there is none.
func Tail(s string, budget int) (tail string, cut bool) {
	line := len(s)
	for i := len(s); i > 0; {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		if budget -= jsonSize(r, size); budget < 0 {
			if line == len(s) {
				line = i
			}
			return s[line:], true
		}
		if r == '\n' && i < len(s) {
			line = i
		}
		i -= size
	}
	return s, false
}
