package workspace

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestGitThatWaits has files in a worktree at which git waits, or which fill the memory. The control is git itself.
func TestGitThatWaits(t *testing.T) {
	fifo := func(path string) error { return syscall.Mkfifo(path, 0o666) }
	for name, c := range map[string]struct {
		file  string
		make  func(path string) error
		waits bool // else it fills the memory, which no test shows
	}{
		"FIFO":              {".gitignore", fifo, true},
		"FIFO in a folder":  {"sub/.gitignore", fifo, true},
		"of many gigabytes": {"sub/.gitignore", func(path string) error { _ = os.WriteFile(path, nil, 0o644); return os.Truncate(path, 60<<30) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			sh(t, dir, "sh", "-c", "git init -q; mkdir sub; echo x >sub/x; git add .; git commit -qm x; git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),module; mkdir module")
			if err := c.make(filepath.Join(dir, c.file)); err != nil {
				t.Fatal(err)
			}
			if c.waits {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				cmd := exec.CommandContext(ctx, "git", statusArgs...)
				cmd.Dir = dir
				if err := cmd.Run(); ctx.Err() == nil {
					t.Errorf("the control: git by itself does not wait: %v", err)
				}
			}
			if _, err := git(t.Context(), dir, statusArgs...); err == nil {
				t.Error("git came to an end, so this shows nothing")
			}
			_, err := gitWith(t.Context(), call{dir: dir, tree: true}, statusArgs...)
			if err == nil || !strings.Contains(err.Error(), c.file) || !strings.Contains(err.Error(), "delete it") {
				t.Errorf("the reason: %v", err)
			}
		})
	}
}
