package workspace

import (
	"context"
	"errors"
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
	// Folders that come first cannot be opened: the path of one is too long for openat2, and on the other an ordinary user has no right.
	closed := func(path string) error {
		cmd := exec.Command("sh", "-c", `mkdir -m 0 b; n=$(printf %0250d 0); for i in $(seq 18); do mkdir a$n; cd a$n; done; echo x >x`)
		cmd.Dir = filepath.Dir(filepath.Dir(path))
		return errors.Join(cmd.Run(), fifo(path))
	}
	for name, c := range map[string]struct {
		file  string
		make  func(path string) error
		waits bool // else it fills the memory, which no test shows
	}{
		"FIFO":                                {".gitignore", fifo, true},
		"FIFO in a folder":                    {"sub/.gitignore", fifo, true},
		"behind a folder that cannot be read": {"sub/.gitignore", closed, true},
		"of many gigabytes":                   {"sub/.gitignore", func(path string) error { _ = os.WriteFile(path, nil, 0o644); return os.Truncate(path, 60<<30) }, false},
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
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if _, err := git(ctx, dir, statusArgs...); err == nil {
				t.Error("git came to an end, so this shows nothing")
			}
			_, err := gitWith(ctx, call{dir: dir, tree: true}, statusArgs...)
			if err == nil || !strings.Contains(err.Error(), c.file) || !strings.Contains(err.Error(), "delete it") {
				t.Errorf("the reason: %v", err)
			}
		})
	}
}
