// Package plain makes foreign text fit to be read by a person: names, subjects, labels, output and messages that an agent,
// an image or a repository wrote. What would act on a terminal or an editor, or would not be seen, is spelled out, as
// "\x1b" or "\u202e". It is for what is shown, never for what is compared or passed on: JSON results stay exact.
//
// Everything foreign goes through it where it leaves hjk-ls: the streams of the command, the log, and what an editor is told.
package plain

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Line is s on one line: ends of lines and tabs are spelled out too.
func Line(s string) string {
	if clean(s) {
		return s
	}
	e := escaper{line: true}
	out, _ := e.append(nil, []byte(s), true)
	return string(out)
}

// Text is s as lines. A carriage return ends a line, as it must not overwrite what was before it; colours are left out.
func Text(s string) string {
	if clean(s) {
		return s
	}
	var e escaper
	out, _ := e.append(nil, []byte(s), true)
	return string(out)
}

// clean reports whether s is printable ASCII, as most is.
func clean(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Hidden reports whether r acts on a terminal, changes the order of what is around it, or is not seen.
func Hidden(r rune) bool {
	switch {
	case r >= ' ' && r <= '~':
		return false
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // signs of numbers in Arabic, which are seen
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// escaper spells out what comes piece by piece.
type escaper struct {
	line bool // one line is wanted
	base rune // the last that is seen
	cr   bool // the last was a carriage return
}

// append adds src to dst, up to what can only be told when more is known, which is given back. At the end that is all.
func (e *escaper) append(dst, src []byte, end bool) (out, rest []byte) {
	for len(src) > 0 {
		if n := colour(src); n != 0 && !e.line {
			if n < 0 && !end {
				return dst, src
			}
			if n > 0 {
				src = src[n:]
				continue
			}
		}
		if !end && !utf8.FullRune(src) {
			return dst, src
		}
		r, size := utf8.DecodeRune(src)
		dst = e.rune(dst, r, src[:size])
		src = src[size:]
	}
	return dst, nil
}

// rune adds one character, which is spelled as raw.
func (e *escaper) rune(dst []byte, r rune, raw []byte) []byte {
	after := e.cr
	e.cr = false
	switch {
	case r == utf8.RuneError && len(raw) == 1 && e.line:
		return append(dst, `\x`+strconv.FormatUint(uint64(raw[0]), 16)...)
	case r == '\n' && after: // of one end of a line
		return dst
	case (r == '\n' || r == '\r') && !e.line:
		e.cr = r == '\r'
		return append(dst, '\n')
	case r == '\t' && !e.line:
		return append(dst, '\t')
	case Hidden(r) && !e.joins(r):
		quoted := strconv.QuoteRuneToASCII(r)
		return append(dst, quoted[1:len(quoted)-1]...)
	case !Hidden(r):
		e.base = r
	}
	return utf8.AppendRune(dst, r)
}

// joins reports whether a character that is not seen belongs to the one before it: emoji are made of several, and some
// scripts cannot be written without.
func (e *escaper) joins(r rune) bool {
	const joiner, nonJoiner, asText, asEmoji = 0x200d, 0x200c, 0xfe0e, 0xfe0f
	switch r {
	case asText, asEmoji:
		return unicode.Is(unicode.So, e.base) || unicode.Is(unicode.Sm, e.base) || e.base >= '0' && e.base <= '9' || e.base == '#' || e.base == '*'
	case joiner, nonJoiner:
		return unicode.In(e.base, joining...) || r == joiner && unicode.In(e.base, unicode.So, unicode.Sk) && e.base > 0x2000
	}
	return false
}

// joining are the scripts whose letters change by what joins them or keeps them apart.
var joining = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati,
	unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar, unicode.Tibetan,
}

// maxColour is longer than any sequence that sets colours.
const maxColour = 64

// colour is the length of the sequence that sets colours (ECMA-48, SGR) at the start of b: 0 when there is none, -1 when
// it may be one, but has not ended.
func colour(b []byte) int {
	if b[0] != 0x1b {
		return 0
	}
	for i := 1; i < min(len(b), maxColour); i++ {
		switch c := b[i]; {
		case i == 1 && c == '[', i > 1 && (c >= '0' && c <= '9' || c == ';' || c == ':'):
		case i > 1 && c == 'm':
			return i + 1
		default:
			return 0
		}
	}
	if len(b) >= maxColour {
		return 0
	}
	return -1
}
