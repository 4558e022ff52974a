package distrust

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func open(t *testing.T) (*os.Root, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root, dir
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestReplace(t *testing.T) {
	root, dir := open(t)
	file := filepath.Join(dir, "f")
	put(t, file, "one")
	if err := Replace(root, "f", []byte("one"), []byte("two")); err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{"one", "twofold", "tw"} {
		if err := Replace(root, "f", []byte(old), []byte("three")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("the file is not %q: %v", old, err)
		}
	}
	put(t, file+".lock", "")
	if err := Replace(root, "f", nil, []byte("three")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("somebody has the lock: %v", err)
	}
	b, err := os.ReadFile(file)
	if all := names(t, dir); err != nil || string(b) != "two" || len(all) != 2 {
		t.Errorf("%s %v %v", b, err, all)
	}
}

// TestLocksOfTheKilled has locks as a killed process leaves them beside those of somebody else.
func TestLocksOfTheKilled(t *testing.T) {
	root, dir := open(t)
	put(t, filepath.Join(dir, fresh("f")), "half")
	if err := root.Link(fresh("f"), "f.lock"); err != nil {
		t.Fatal(err)
	}
	if err := Replace(root, "f", nil, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	if err := SetMark(root); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "theirs.lock"), "")
	if err := Lock(root, "theirs"); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if err := Lock(root, "ours"); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "g.lock"), "theirs too")
	put(t, filepath.Join(dir, fresh("g")), "not linked yet")
	for _, name := range []string{"theirs", "ours"} {
		Unlock(root, name)
	}
	Recover(root, "g")
	all := names(t, dir)
	want := []string{"f", "g.lock", Mark, "theirs.lock"}
	if len(all) != len(want) {
		t.Fatalf("%v, want %v", all, want)
	}
	for i := range want {
		if all[i] != want[i] {
			t.Errorf("%v, want %v", all, want)
		}
	}
}
