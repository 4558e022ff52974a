//go:build unix

package distrust

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFile has, as its control, a reader by name that waits for the FIFO until somebody writes.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	put(t, at("plain"), "plain")
	err := errors.Join(os.Symlink("plain", at("link")), os.Symlink("/dev/zero", at("zero")), syscall.Mkfifo(at("fifo"), 0o666),
		os.Symlink("fifo", at("tofifo")), os.WriteFile(at("hollow"), nil, 0o600), os.Truncate(at("hollow"), 60<<30))
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan struct{})
	go func() {
		defer close(waits)
		_, _ = os.ReadFile(at("fifo"))
	}()
	for name, want := range map[string]error{"plain": nil, "link": nil, "zero": ErrNotRegular, "fifo": ErrNotRegular, "tofifo": ErrNotRegular, "hollow": ErrTooLarge, "none": os.ErrNotExist, ".": ErrNotRegular} {
		if b, err := File(at(name), 10); !errors.Is(err, want) || err == nil && string(b) != "plain" {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
	select {
	case <-waits:
		t.Error("the control: reading by name does not wait, so this shows nothing")
	default:
	}
	for ended := false; !ended; {
		if f, err := os.OpenFile(at("fifo"), os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			_ = f.Close()
		}
		select {
		case <-waits:
			ended = true
		default:
		}
	}
}

// TestSolid has holes, a copy of which would take what they claim.
func TestSolid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for size, want := range map[int64]error{1: nil, 1 << 29: nil, 60 << 30: ErrHollow} {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		if err := Solid(f, "f"); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if end, err := f.Seek(0, io.SeekEnd); err != nil || end != size {
			t.Errorf("the control: a copy would take %d bytes, %v", end, err)
		}
		_ = f.Close()
	}
}
