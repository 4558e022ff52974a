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

// TestWorktreeIncludeThatIsAFIFO is about git, which include gave the file to: the control is git itself, which waits.
func TestWorktreeIncludeThatIsAFIFO(t *testing.T) {
	r, o := newRepo(t, "repo")
	list := filepath.Join(r.Root, includeFile)
	if err := syscall.Mkfifo(list, 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", "-C", r.Root, "ls-files", "--others", "--ignored", "--exclude-from="+list)
	if err := cmd.Run(); ctx.Err() == nil {
		t.Errorf("the control: git does not wait: %v", err)
	}
	o.Branch = "x"
	if _, err := r.Ensure(t.Context(), o); err == nil {
		t.Error("it passed for a list")
	}
}

// TestWorktreeIncludeOfAnAgent has a main checkout in which an agent works. Each case is one that made a run wait, or fill the
// disk.
func TestWorktreeIncludeOfAnAgent(t *testing.T) {
	for name, c := range map[string]struct {
		list   string // of what is copied
		do     func(top string) error
		reason string // "" is that all goes well
	}{
		"a list that is a FIFO":    {"", func(top string) error { return syscall.Mkfifo(top+"/.worktreeinclude", 0o666) }, "not a regular file"},
		"a list that is a device":  {"", func(top string) error { return os.Symlink("/dev/zero", top+"/.worktreeinclude") }, "not a regular file"},
		"a list of many gigabytes": {"*\n", func(top string) error { return os.Truncate(top+"/.worktreeinclude", 60<<30) }, "larger than"},
		"a list among the dotfiles": {"", func(top string) error {
			return errors.Join(os.WriteFile(top+"-list", []byte(".env\n"), 0o600), os.Symlink(top+"-list", top+"/.worktreeinclude"))
		}, ""},
		"a FIFO that is named": {".env\nf\n", func(top string) error { return syscall.Mkfifo(top+"/f", 0o666) }, ""},
		"a file that consists of holes": {"*.img\n", func(top string) error {
			return errors.Join(os.WriteFile(top+"/x.img", nil, 0o600), os.Truncate(top+"/x.img", 60<<30))
		}, "holes"},
	} {
		t.Run(name, func(t *testing.T) {
			r, o := newRepo(t, "repo")
			put := os.WriteFile(filepath.Join(r.Root, ".env"), []byte("A=1\n"), 0o600)
			if c.list != "" {
				put = errors.Join(put, os.WriteFile(filepath.Join(r.Root, includeFile), []byte(c.list), 0o600))
			}
			if err := errors.Join(put, c.do(r.Root)); err != nil {
				t.Fatal(err)
			}
			o.Branch = "x"
			e, err := r.Ensure(t.Context(), o)
			if c.reason != "" {
				if err == nil || !strings.Contains(err.Error(), c.reason) {
					t.Errorf("%v, not %q", err, c.reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if b, err := os.ReadFile(filepath.Join(e.Path, ".env")); err != nil || string(b) != "A=1\n" {
				t.Errorf("%q %v", b, err)
			}
		})
	}
}
