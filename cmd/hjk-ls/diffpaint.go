package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

const (
	bold color = "1"
	cyan color = "36"
)

func paintAs(s string, c color) string { return "\x1b[" + string(c) + "m" + s + "\x1b[0m" }

// maxDiffLine bounds what of one line is held until its end comes.
const maxDiffLine = 1 << 20

// diffPainter makes lines of a diff plain, and colours them by itself: colours that a file holds are spelled out, so that what is
// shown is what is there.
type diffPainter struct {
	out   *page
	paint func(string, color) string // nil for none

	line       []byte
	olds, news int // lines of the hunk that are to come
}

func (d *diffPainter) Write(b []byte) (int, error) {
	n := len(b)
	var text strings.Builder
	for len(b) > 0 {
		part, rest, whole := bytes.Cut(b, []byte{'\n'})
		d.line = append(d.line, part...)
		if whole || len(d.line) > maxDiffLine {
			d.give(&text, whole)
		}
		b = rest
	}
	d.out.raw(text.String())
	return n, d.out.err
}

// end gives what has no end of a line.
func (d *diffPainter) end() {
	if len(d.line) > 0 {
		var text strings.Builder
		d.give(&text, false)
		d.out.raw(text.String())
	}
}

func (d *diffPainter) give(to *strings.Builder, whole bool) {
	fields := strings.Split(string(d.line), "\t")
	for i, f := range fields {
		fields[i] = plain.Line(f)
	}
	s := strings.Join(fields, "\t")
	if c := d.color(); d.paint != nil && c != "" {
		s = d.paint(s, c)
	}
	to.WriteString(s)
	if whole {
		to.WriteByte('\n')
	}
	d.line = d.line[:0]
}

// color is that of a line, by where it stands: in a hunk a line that begins with "---" is one that was deleted.
func (d *diffPainter) color() color {
	if len(d.line) == 0 {
		return ""
	}
	if d.olds > 0 || d.news > 0 {
		switch d.line[0] {
		case '+':
			d.news--
			return green
		case '-':
			d.olds--
			return red
		case ' ':
			d.olds, d.news = d.olds-1, d.news-1
		}
		return ""
	}
	if bytes.HasPrefix(d.line, []byte("@@ ")) {
		d.olds, d.news = hunk(string(d.line))
		return cyan
	}
	if d.line[0] == '\\' { // no newline at end of file
		return ""
	}
	return bold
}

// hunk is how many lines the head of a hunk announces, as in "@@ -1,2 +3 @@".
func hunk(head string) (olds, news int) {
	f := strings.Fields(head)
	if len(f) < 3 {
		return 0, 0
	}
	return lines(f[1]), lines(f[2])
}

func lines(span string) int {
	n := 1
	if _, count, ok := strings.Cut(span, ","); ok {
		_, _ = fmt.Sscanf(count, "%d", &n)
	}
	return n
}
