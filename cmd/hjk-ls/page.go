package main

import (
	"fmt"
	"io"
	"os"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// page is standard output or standard error. What is written is foreign text and becomes plain; what hjk-ls itself does to
// a terminal goes by raw, and sessions and the protocol by its file. It remembers the first write that failed.
type page struct {
	file *os.File
	text *plain.Writer
	err  error
}

func newPage(f *os.File) *page {
	p := &page{file: f}
	p.text = plain.NewWriter(rawWriter{p})
	return p
}

func (p *page) Write(b []byte) (int, error) { return p.text.Write(b) }

// raw writes a text that is ours, or that was made plain.
func (p *page) raw(s string) {
	_, _ = rawWriter{p}.Write([]byte(s))
}

// end tells whether all was written.
func (p *page) end() error {
	_ = p.text.Flush()
	return p.err
}

// rawWriter writes to a page's file.
type rawWriter struct{ p *page }

func (w rawWriter) Write(b []byte) (int, error) {
	if w.p.err != nil {
		return 0, w.p.err
	}
	n, err := w.p.file.Write(b)
	if err != nil {
		w.p.err = fmt.Errorf("the output is not whole: %w", err)
	}
	return n, w.p.err
}

// draw writes a text that was made plain, with colours of ours, to a page.
func draw(w io.Writer, s string) {
	if p, ok := w.(*page); ok {
		p.raw(s)
		return
	}
	_, _ = io.WriteString(w, s)
}
