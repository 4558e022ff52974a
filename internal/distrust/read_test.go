package distrust

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// taken is how many bytes of memory f takes in all.
func taken(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestReadTakesNoMoreThanTheFile reads a file that is much larger than allowed and one that is as large. The control reads the
// first by a limit alone, which takes the memory of the limit and more.
func TestReadTakesNoMoreThanTheFile(t *testing.T) {
	const max = 32 << 20
	dir := t.TempDir()
	for name, size := range map[string]int64{"hollow": 60 << 30, "full": max} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, name), size); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	took := taken(func() {
		if _, err := Read(root, "hollow", max); !errors.Is(err, ErrTooLarge) {
			t.Error(err)
		}
	})
	if took > 1<<20 {
		t.Errorf("a file that is too large took %d bytes of memory", took)
	}
	took = taken(func() {
		if b, err := Read(root, "full", max); err != nil || len(b) != max {
			t.Error(len(b), err)
		}
	})
	if took > max+max/4 {
		t.Errorf("a file of %d bytes took %d", max, took)
	}
	took = taken(func() {
		f, err := Open(root, "hollow")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		_, _ = io.ReadAll(io.LimitReader(f, max+1))
	})
	if took < max+max/4 {
		t.Errorf("the control took %d bytes, so this shows nothing", took)
	}
}
