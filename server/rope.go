package server

import (
	"slices"
	"strings"
	"unicode/utf8"

	"go.lsp.dev/protocol"
)

// rope is a text in pieces, for many edits of a long one: each looks at the pieces' counts and at the text of one or two.
type rope []piece

// piece is a part of a text, with what is counted in it.
type piece struct {
	text  string
	lines int  // ends of lines
	units int  // UTF-16 code units
	ends  bool // it has an end of a line, or half of one
}

// pieceSize is about how long a piece is.
const pieceSize = 4 << 10

func newRope(text string) rope { return appendPieces(nil, text) }

// appendPieces cuts text between characters.
func appendPieces(r rope, text string) rope {
	for len(text) > 0 {
		n := len(text)
		if n > 2*pieceSize {
			for n = pieceSize; n < len(text) && !utf8.RuneStart(text[n]); {
				n++
			}
		}
		r = append(r, count(text[:n]))
		text = text[n:]
	}
	return r
}

func count(text string) piece {
	p := piece{text: text}
	for _, c := range text {
		switch p.units++; {
		case c > 0xffff:
			p.units++
		case c == '\n':
			p.lines++
			p.ends = true
		case c == '\r':
			p.ends = true
		}
	}
	return p
}

func (r rope) String() string {
	var b strings.Builder
	for _, p := range r {
		b.WriteString(p.text)
	}
	return b.String()
}

// place is an offset in a piece; the end of the text is offset 0 of the piece behind the last.
type place struct{ piece, offset int }

func (a place) before(b place) bool {
	return a.piece < b.piece || a.piece == b.piece && a.offset < b.offset
}

// find is where a position is, which counts UTF-16 code units; one behind a line's end is at its end.
func (r rope) find(p protocol.Position) place {
	at := r.line(int(p.Line))
	units := int(p.Character)
	for units > 0 && at.piece < len(r) {
		now := r[at.piece]
		if at.offset == 0 && !now.ends && now.units <= units {
			units -= now.units
			at.piece++
			continue
		}
		for units > 0 && at.offset < len(now.text) {
			c, size := utf8.DecodeRuneInString(now.text[at.offset:])
			if c == '\n' || c == '\r' {
				return at
			}
			if units--; c > 0xffff {
				units--
			}
			at.offset += size
		}
		if at.offset == len(now.text) {
			at = place{at.piece + 1, 0}
		}
	}
	return at
}

// line is where a line begins, from 0.
func (r rope) line(n int) place {
	i := 0
	for n > 0 && i < len(r) && r[i].lines < n {
		n -= r[i].lines
		i++
	}
	if n == 0 || i == len(r) {
		return place{i, 0}
	}
	offset := 0
	for range n {
		offset += strings.IndexByte(r[i].text[offset:], '\n') + 1
	}
	return place{i, offset}
}

// replace puts text in the place of a range.
func (r rope) replace(of protocol.Range, text string) rope {
	from, to := r.find(of.Start), r.find(of.End)
	if to.before(from) {
		to = from
	}
	end := to.piece
	if from.piece < len(r) {
		text = r[from.piece].text[:from.offset] + text
	}
	if to.piece < len(r) {
		text += r[to.piece].text[to.offset:]
		end++
	}
	return slices.Replace(r, from.piece, end, appendPieces(nil, text)...)
}
