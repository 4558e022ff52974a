package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.lsp.dev/protocol"

	"go.uber.org/goleak"
)

// offsetOf is the offset of a position by a look at all of the text before it: what rope is held against.
func offsetOf(text string, p protocol.Position) int {
	at := 0
	for range p.Line {
		i := strings.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
	}
	units := int(p.Character)
	for units > 0 && at < len(text) && text[at] != '\n' && text[at] != '\r' {
		r, size := utf8.DecodeRuneInString(text[at:])
		if units--; r > 0xffff {
			units--
		}
		at += size
	}
	return at
}

func naive(text string, of protocol.Range, with string) string {
	from, to := offsetOf(text, of.Start), offsetOf(text, of.End)
	return text[:from] + with + text[max(from, to):]
}

// TestEditsByPieces: edits at random places, of texts with every kind of line and character, do what editing the whole text
// does.
func TestEditsByPieces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"a", "é", "漢", "😀", "\n", "\r\n", "\r", " ", "RUN x\n", strings.Repeat("long ", 300)}
	some := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(alphabet[rnd.IntN(len(alphabet))])
		}
		return b.String()
	}
	for round := range 40 {
		want := some(rnd.IntN(300))
		r := newRope(want)
		for edit := range 60 {
			at := func() protocol.Position {
				return protocol.Position{Line: uint32(rnd.IntN(60)), Character: uint32(rnd.IntN(400))}
			}
			of := protocol.Range{Start: at(), End: at()}
			with := some(rnd.IntN(4))
			want, r = naive(want, of, with), r.replace(of, with)
			if got := r.String(); got != want {
				t.Fatalf("round %d, edit %d at %v: they differ", round, edit, of)
			}
		}
		x := newLineIndex(want)
		for range 50 {
			offset := 0
			if len(want) > 0 {
				offset = rnd.IntN(len(want))
			}
			for !utf8.RuneStart(append([]byte(want), 'x')[offset]) {
				offset--
			}
			line := want[strings.LastIndexByte(want[:offset], '\n')+1 : offset]
			if p := x.position(offset); !strings.Contains(line, "\r") && offsetOf(want, p) != offset { // a return in a line is its end
				t.Fatalf("the position of %d is %v, which is %d", offset, p, offsetOf(want, p))
			}
		}
	}
}

// TestManyEditsOfALongFile: the server answers while and after an editor sends thousands of edits of a long file, of one line
// or of many.
func TestManyEditsOfALongFile(t *testing.T) {
	defer goleak.VerifyNone(t)
	for name, text := range map[string]string{
		"one line": strings.Repeat("x", 1<<20), "many lines": strings.Repeat("\n", 1<<20), "wide": strings.Repeat("😀", 1<<18),
	} {
		p := serve(t, &scripted{}, ContentLength)
		p.initialize()
		p.send(`{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///x/y","languageId":"plaintext","version":1,"text":%q}}}`, text)
		var edits []string
		for i := range 2_000 {
			edits = append(edits, fmt.Sprintf(`{"range":{"start":{"line":%d,"character":%d},"end":{"line":%d,"character":%d}},"text":"yz"}`, i, i*7, i, i*7+1))
		}
		p.send(`{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":{"uri":"file:///x/y","version":2},"contentChanges":[%s]}}`, strings.Join(edits, ","))
		began := time.Now()
		p.send(`{"jsonrpc":"2.0","id":"after","method":"no/such"}`)
		p.expect(`"id":"after"`)
		t.Logf("%s: %v", name, time.Since(began))
		p.leave()
	}
}
