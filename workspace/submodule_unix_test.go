//go:build unix

package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSubmoduleThatBecameALink has a link to a private folder in the place of a submodule, and of the folder it lies in. The
// control lists it by name.
func TestSubmoduleThatBecameALink(t *testing.T) {
	for _, at := range []string{"lib/dep", "lib"} {
		r, o := newRepo(t, "repo")
		sh(t, r.Root, "sh", "-c", "git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),lib/dep; mkdir -p lib/dep; git commit -qm x")
		e := ensure(t, r, o, "x")
		private := t.TempDir()
		err := errors.Join(os.MkdirAll(filepath.Join(private, "dep"), 0o755), os.WriteFile(filepath.Join(private, "dep", "secret"), nil, 0o600),
			os.WriteFile(filepath.Join(private, "secret"), nil, 0o600), os.RemoveAll(filepath.Join(e.Path, at)), os.Symlink(private, filepath.Join(e.Path, at)))
		if err != nil {
			t.Fatal(err)
		}
		if all, err := os.ReadDir(filepath.Join(e.Path, "lib/dep")); err != nil || len(all) == 0 {
			t.Errorf("the control: by name nothing is seen: %v", err)
		}
		u, err := r.Unsaved(t.Context(), e.Worktree, "")
		if err != nil || !u.Lost() || strings.Contains(u.String(), "secret") || !slices.Contains(u.Untracked, "lib/dep") {
			t.Errorf("%s: %+v %v", at, u, err)
		}
	}
}

// TestGitDirectoryBehindALink has the link of a submodule go through one of an agent's, which leads elsewhere once it was looked
// at.
func TestGitDirectoryBehindALink(t *testing.T) {
	modules, evil, tree := t.TempDir(), t.TempDir(), t.TempDir()
	link := filepath.Join(tree, "link")
	if err := errors.Join(os.Mkdir(filepath.Join(modules, "dep"), 0o755), os.Symlink(filepath.Join(modules, "dep"), link)); err != nil {
		t.Fatal(err)
	}
	dir, err := below(modules, link)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(link), os.Mkdir(filepath.Join(evil, "dep"), 0o755), os.Symlink(filepath.Join(evil, "dep"), link)); err != nil {
		t.Fatal(err)
	}
	if _, err := below(evil, dir); err == nil {
		t.Errorf("%s leads to the other", dir)
	}
	if _, err := below(evil, link); err != nil {
		t.Error("the control: the link does not lead to the other, so this shows nothing", err)
	}
	if _, err := below(modules, link); err == nil {
		t.Error("a link out of the folder is inside")
	}
}
