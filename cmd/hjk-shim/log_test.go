package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// TestLogTellsSizes: before output, in each file, and never within a sequence.
func TestLogTellsSizes(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	l := &logFile{dir: root}
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	l.resized(120, 40)
	l.write([]byte("a\x1b[3"))
	l.resized(80, 24)
	l.write([]byte("1mb\xe6"))
	l.write([]byte("\x97\xa5c"))
	l.resized(80, 24)
	l.resized(0, 0)
	l.write([]byte("d"))
	l.size = shim.MaxLogBytes
	l.write([]byte("e"))
	l.close()
	for name, want := range map[string]string{"log.1": "\x1b[8;40;120ta\x1b[31mb日c\x1b[8;24;80td", "log": "\x1b[8;24;80te"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}
