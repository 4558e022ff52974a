package workspace

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnsavedOfManyFiles has more files than are listed: what is kept of them still is work, whichever of them are ignored. The
// control is that git says more than is kept.
func TestUnsavedOfManyFiles(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sh(t, dir, "sh", "-c", "git init -q; echo x >x; git add .; git commit -qm x")
	long := strings.Repeat("d", 200)
	deep := filepath.Join(dir, "sub", long, long, long, long, long, long, long, long, long, long)
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range maxListing / 2000 {
		if err := os.WriteFile(filepath.Join(deep, fmt.Sprint(i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, rules := range []string{"", "*\n", "x*\n[0-9]*\n"} {
		if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(rules), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := git(t.Context(), dir, "ls-files", "--others", "-z"); err != nil || len(out) <= maxListing {
			t.Fatalf("the control: git says %d bytes: %v", len(out), err)
		}
		all, err := r.Worktrees(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		u, err := r.Unsaved(t.Context(), all[0], "")
		if err != nil || len(u.Untracked) == 0 || !strings.Contains(u.Untracked[len(u.Untracked)-1], "more than can be listed") {
			t.Errorf("%q: %d untracked: %v", rules, len(u.Untracked), err)
		}
	}
}
