package workspace

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// TestBounded is written to by io.Copy, as os/exec does. The control is a plain buffer.
func TestBounded(t *testing.T) {
	from := func() io.Reader { return io.LimitReader(bytes.NewReader(make([]byte, 1<<20)), 1<<20) }
	var plain bytes.Buffer
	if n, err := io.Copy(&plain, from()); n != 1<<20 || err != nil {
		t.Fatalf("the control: %d %v", n, err)
	}
	some, ends := bounded{max: 1000}, bounded{max: 1000, ends: true}
	if _, err := io.Copy(&some, from()); err != nil || len(some.String()) != 1000 || !some.more {
		t.Errorf("%d bytes are kept: %v", len(some.String()), err)
	}
	if _, err := io.Copy(&ends, from()); !errors.Is(err, errTooLong) || len(ends.String()) != 1000 || !ends.more {
		t.Errorf("%d bytes are kept: %v", len(ends.String()), err)
	}
	out, more, err := gitHead(t.Context(), call{dir: t.TempDir()}, 10, "help", "-a")
	if err != nil || !more || len(out) != 10 {
		t.Errorf("git's: %q %v %v", out, more, err)
	}
}
