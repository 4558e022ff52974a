package plain

import (
	"io"
	"strings"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// Writer writes on as [Text] has it, whatever pieces it comes in. Flush it at the end. Calls must not overlap.
type Writer struct {
	w    io.Writer
	e    escaper
	rest []byte // the beginning of a character or of a sequence
	buf  []byte
}

// NewWriter makes a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write takes all of b or fails.
func (p *Writer) Write(b []byte) (int, error) {
	if err := p.write(b, false); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Flush writes what was held back, as it is not known how it goes on.
func (p *Writer) Flush() error { return p.write(nil, true) }

func (p *Writer) write(b []byte, end bool) error {
	if len(p.rest) > 0 {
		b = append(p.rest, b...)
	}
	out, rest := p.e.append(p.buf[:0], b, end)
	p.rest = append([]byte(nil), rest...)
	p.buf = out
	if len(out) == 0 {
		return nil
	}
	_, err := p.w.Write(out)
	return err
}

// Encoder makes each entry of a log one plain line, of at most [MaxMessage] bytes.
func Encoder(e zapcore.Encoder) zapcore.Encoder { return encoder{e} }

type encoder struct{ zapcore.Encoder }

func (e encoder) Clone() zapcore.Encoder { return encoder{e.Encoder.Clone()} }

var pool = buffer.NewPool()

func (e encoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	b, err := e.Encoder.EncodeEntry(entry, fields)
	if err != nil {
		return nil, err
	}
	defer b.Free()
	text, newline := strings.CutSuffix(b.String(), "\n")
	out := pool.Get()
	for i, column := range strings.Split(Clip(text, MaxMessage), "\t") { // the console's separator
		if i > 0 {
			out.AppendByte('\t')
		}
		out.AppendString(Line(column))
	}
	if newline {
		out.AppendByte('\n')
	}
	return out, nil
}
