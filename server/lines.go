package server

import (
	"sort"
	"strings"

	"go.lsp.dev/protocol"
)

// lineIndex tells positions in a text, each by a look at its line alone.
type lineIndex struct {
	text   string
	starts []int
}

func newLineIndex(text string) *lineIndex {
	x := &lineIndex{text: text, starts: []int{0}}
	for at := 0; ; {
		i := strings.IndexByte(text[at:], '\n')
		if i < 0 {
			return x
		}
		at += i + 1
		x.starts = append(x.starts, at)
	}
}

// position is the position of a byte offset, in UTF-16 code units.
func (x *lineIndex) position(offset int) protocol.Position {
	offset = min(offset, len(x.text))
	line := sort.SearchInts(x.starts, offset+1) - 1
	units := 0
	for _, r := range x.text[x.starts[line]:offset] {
		if units++; r > 0xffff {
			units++
		}
	}
	return protocol.Position{Line: uint32(line), Character: uint32(units)}
}

func (x *lineIndex) span(start, end int) protocol.Range {
	return protocol.Range{Start: x.position(start), End: x.position(end)}
}
