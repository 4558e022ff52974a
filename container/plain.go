package container

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Plain turns raw terminal output into text: control sequences go, a carriage return starts its line over, as a
// progress bar does, and a backspace takes a character back.
func Plain(raw []byte) string {
	var p plainer
	return p.add(raw) + p.rest()
}

// plainer turns output into text as it comes: whole lines at once, an unfinished one when more comes or it is asked.
type plainer struct{ line []byte }

// add takes more output and gives the lines it completed.
func (p *plainer) add(raw []byte) string {
	var out strings.Builder
	for {
		i := bytes.IndexByte(raw, '\n')
		if i < 0 {
			p.line = append(p.line, raw...)
			return out.String()
		}
		p.line = append(p.line, raw[:i]...)
		out.WriteString(p.rest())
		out.WriteByte('\n')
		raw = raw[i+1:]
	}
}

// rest gives the unfinished line.
func (p *plainer) rest() string {
	text := ansi.Strip(string(p.line))
	p.line = p.line[:0]
	text = strings.TrimRight(text, "\r")
	if i := strings.LastIndexByte(text, '\r'); i >= 0 {
		text = text[i+1:]
	}
	return clean(text)
}

// clean applies backspaces and drops what is left of control characters.
func clean(s string) string {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case r == '\b':
			_, n := utf8.DecodeLastRune(out)
			out = out[:len(out)-n]
		case r == '\t' || r >= 0x20 && r != 0x7f && (r < 0x80 || r > 0x9f):
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}
