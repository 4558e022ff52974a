package workspace

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestWatcherHearsEverySave(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := NewWatcher()
	defer w.Close()
	sh := func(script string) {
		t.Helper()
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", script, err, out)
		}
	}
	set := func() {
		t.Helper()
		if err := w.Set([]string{dir, dir + "/sub/deep", dir + "/link"}); err != nil {
			t.Fatal(err)
		}
	}
	hears := func(script, path string) {
		t.Helper()
		sh(script)
		deadline := time.After(10 * time.Second)
		for {
			select {
			case c := <-w.Changes():
				if c.All || c.Paths[filepath.Join(dir, path)] {
					set()
					return
				}
			case <-deadline:
				t.Fatalf("%s: nothing heard of %s", script, path)
			}
		}
	}
	sh("mkdir real; ln -s real link; echo 1 > f")
	set()
	for _, s := range []string{
		"echo 2 > f", "echo 3 > f~; mv f~ f", "sed -i s/3/4/ f", "chmod +x f", "rm f", "echo 5 > f", "ln -sf g f", "rm f; echo 6 > f",
	} {
		hears(s, "f")
	}
	hears("mkdir sub", "sub")
	hears("mkdir sub/deep", "sub/deep")
	hears("echo 1 > sub/deep/f", "sub/deep/f")
	hears("mv sub gone; mkdir -p sub/deep", "sub")
	hears("echo 2 > sub/deep/f", "sub/deep/f")
	hears("rm -r sub", "sub")
	hears("mkdir -p sub/deep", "sub")
	hears("echo 3 > sub/deep/f", "sub/deep/f")
	hears("echo 1 > link/f", "real/f")
}

func TestWatcherTellsWhenItMayHaveMissedSomething(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := NewWatcher()
	defer w.Close()
	if err := w.Set([]string{dir}); err != nil {
		t.Fatal(err)
	}
	for i := range maxPaths + 10 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(200 * time.Millisecond)
	if c := <-w.Changes(); !c.All {
		t.Fatalf("%d paths, and not all", len(c.Paths))
	}
}
