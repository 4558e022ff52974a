package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestArchivedLocale reads an archive that glibc's own program made.
func TestArchivedLocale(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, locales), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("localedef", "--prefix="+dir, "--add-to-archive", filepath.Join(locales, "C.utf8")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := os.Open(filepath.Join(dir, locales, "locale-archive"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, want := range map[string]bool{"C.utf8": true, ".utf8": false, "C.utf": false, "de_DE.utf8": false, "": false} {
		if got := archived(f, name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	if empty, err := os.Open(os.DevNull); err != nil || archived(empty, "C.utf8") {
		t.Errorf("an empty archive: %v", err)
	}
}
