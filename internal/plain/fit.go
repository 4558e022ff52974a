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

// Head is the beginning of s that takes at most budget bytes in JSON, and whether that is not all of it. Where it is cut it
// ends with a line, unless that is too long.
func Head(s string, budget int) (head string, cut bool) {
	line := 0
	for i, left := 0, budget; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if left -= jsonSize(r, size); left < 0 {
			if line < i/2 {
				line = i
			}
			return s[:line], true
		}
		if i += size; r == '\n' {
			line = i
		}
	}
	return s, false
}

// Tail is the end of s that takes at most budget bytes in JSON, and whether that is not all of it. Where it is cut it begins
// with a line, unless that is too long.
func Tail(s string, budget int) (tail string, cut bool) {
	line := len(s)
	for i, left := len(s), budget; i > 0; {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		if left -= jsonSize(r, size); left < 0 {
			if len(s)-line < (len(s)-i)/2 {
				line = i
			}
			return s[line:], true
		}
		if r == '\n' {
			line = i
		}
		i -= size
	}
	return s, false
}
