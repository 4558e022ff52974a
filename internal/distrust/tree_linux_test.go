package distrust

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// bothKernels runs a test with openat2 and without.
func bothKernels(t *testing.T, test func(t *testing.T)) {
	for name, old := range map[string]bool{"openat2": false, "a name at a time": true} {
		t.Run(name, func(t *testing.T) {
			was := oldKernel.Swap(old)
			defer oldKernel.Store(was)
			test(t)
		})
	}
}

// hostile has, beside two plain files, all that must not be opened; its control shows that os.Root opens a link.
func hostile(t *testing.T) (root *os.Root, dir, secret string) {
	t.Helper()
	root, dir = open(t)
	secret = filepath.Join(t.TempDir(), "secret")
	put(t, secret, "secret")
	if err := os.MkdirAll(filepath.Join(dir, "d/e"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "plain"), "plain")
	put(t, filepath.Join(dir, "d/e/plain"), "plain")
	for name, to := range map[string]string{"in": "plain", "dir": "d", "out": secret, "outdir": filepath.Dir(secret), "d/up": "../.."} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o666); err != nil {
		t.Fatal(err)
	}
	return root, dir, secret
}

func TestOpen(t *testing.T) {
	bothKernels(t, func(t *testing.T) {
		root, _, _ := hostile(t)
		for _, name := range []string{"in", "out", "fifo", "d", "dir/e/plain", "outdir/secret", "d/up/plain", "../x", "/etc/passwd", "fifo/x", "none", ""} {
			if b, err := Read(root, name, 100); err == nil {
				t.Errorf("%q was read: %q", name, b)
			}
		}
		for _, name := range []string{"plain", "d/e/plain", "d/./e//plain"} {
			if b, err := Read(root, name, 5); err != nil || string(b) != "plain" {
				t.Errorf("%q: %q %v", name, b, err)
			}
		}
		if _, err := Read(root, "plain", 4); !errors.Is(err, ErrTooLarge) {
			t.Error(err)
		}
		if f, err := root.OpenFile("in", os.O_RDONLY|unix.O_NOFOLLOW, 0); err != nil {
			t.Error("the control: os.Root refuses links, so this shows nothing")
		} else {
			_ = f.Close()
		}
	})
}

func TestFollow(t *testing.T) {
	root, _, _ := hostile(t)
	for name, want := range map[string]bool{"in": true, "dir/e/plain": true, "out": false, "outdir/secret": false, "fifo": false, "d": false} {
		if _, err := ReadFollow(root, name, 100); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenDir(t *testing.T) {
	bothKernels(t, func(t *testing.T) {
		root, dir, _ := hostile(t)
		for _, name := range []string{"dir", "outdir", "fifo", "plain", "d/up", "dir/e", ".."} {
			if d, err := OpenDir(root, name); err == nil {
				_ = d.Close()
				t.Errorf("%s was opened", name)
			}
		}
		d, err := OpenDir(root, "d/e")
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := os.Rename(filepath.Join(dir, "d"), filepath.Join(dir, "moved")); err != nil {
			t.Fatal(err)
		}
		if b, err := Read(d, "plain", 100); err != nil || string(b) != "plain" {
			t.Errorf("%s %v", b, err)
		}
	})
}

func TestListAndWalk(t *testing.T) {
	root, _, _ := hostile(t)
	some, err := ReadDir(t.Context(), root, ".", 3)
	if !errors.Is(err, ErrTooMany) || len(some) != 3 {
		t.Errorf("%v %v", some, err)
	}
	var seen []string
	visit := func(path string, _ fs.DirEntry) error { seen = append(seen, path); return nil }
	if err := Walk(t.Context(), root, ".", 100, visit); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(seen, " "); got != "d d/e d/e/plain d/up dir fifo in out outdir plain" {
		t.Error(got)
	}
	if err := Walk(t.Context(), root, ".", 9, visit); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
	seen = nil
	plain := func(e fs.DirEntry) bool { return e.Name() == "plain" }
	if err := WalkReadable(t.Context(), root, ".", 100, plain, visit); err != nil || strings.Join(seen, " ") != "d d/e d/e/plain plain" {
		t.Error(seen, err)
	}
	if err := WalkReadable(t.Context(), root, ".", 9, plain, visit); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
}

func TestWrite(t *testing.T) {
	root, dir, secret := hostile(t)
	for _, name := range []string{"out", "in", "fifo", "d/e/plain"} {
		if err := Write(root, name, []byte("new"), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := Read(root, name, 10); err != nil || string(b) != "new" {
			t.Errorf("%s: %s %v", name, b, err)
		}
	}
	if err := Write(root, "outdir/x", nil, 0o600); err == nil {
		t.Error("it was written outside")
	}
	b, err := os.ReadFile(secret)
	if all := names(t, filepath.Dir(secret)); err != nil || string(b) != "secret" || len(all) != 1 {
		t.Errorf("outside: %s %v %v", b, all, err)
	}
	if all := names(t, dir); len(all) != 7 {
		t.Errorf("left: %v", all)
	}
}

func TestRemoveAll(t *testing.T) {
	bothKernels(t, func(t *testing.T) {
		root, dir, secret := hostile(t)
		for _, mode := range []fs.FileMode{0o555, 0} {
			if err := os.MkdirAll(filepath.Join(dir, "d/closed/x"), 0o755); err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(dir, "d/closed/x/f"), "")
			for _, d := range []string{"d/closed/x", "d/closed", "d"} {
				if err := os.Chmod(filepath.Join(dir, d), mode); err != nil {
					t.Fatal(err)
				}
			}
			if err := RemoveAll(t.Context(), root, "d"); err != nil {
				t.Error(err)
			}
		}
		deep(t, dir, 1000)
		for _, name := range names(t, dir) {
			if err := RemoveAll(t.Context(), root, name); err != nil {
				t.Error(err)
			}
		}
		if err := RemoveAll(t.Context(), root, "none/x"); err != nil {
			t.Error(err)
		}
		if all := names(t, dir); len(all) != 0 {
			t.Errorf("left: %v", all)
		}
		if b, err := os.ReadFile(secret); err != nil || string(b) != "secret" {
			t.Errorf("outside: %s %v", b, err)
		}
	})
}

// deep nests folders deeper than a path can be long.
func deep(t *testing.T, dir string, n int) {
	t.Helper()
	at, err := unix.Open(dir, unix.O_PATH, 0)
	for range n {
		if err == nil {
			err = unix.Mkdirat(at, "nested", 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		was := at
		at, err = unix.Openat(at, "nested", unix.O_PATH, 0)
		_ = unix.Close(was)
	}
	_ = unix.Close(at)
}

func TestLocate(t *testing.T) {
	_, dir, _ := hostile(t)
	for _, name := range []string{"in", "out", "outdir/secret", "dir/e", "d/up/d"} {
		if p, err := Locate(dir, name); err == nil {
			t.Errorf("%s was found at %s", name, p.Path)
		}
	}
	p, err := Locate(dir, "d/e")
	if err != nil || !strings.HasSuffix(p.Path, "/d/e") {
		t.Fatal(p, err)
	}
	fi, err := os.Stat(filepath.Join(dir, "d/e"))
	if err != nil || !p.Is(fi) {
		t.Error("it is not itself", err)
	}
	if fi, err = os.Stat(dir); err != nil || p.Is(fi) {
		t.Error("it is another", err)
	}
}
