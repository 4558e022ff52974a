package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What people do to a repository beside hjk-ls: the worktree stays the instance's, and nothing in it is lost.

func find(t *testing.T, r *Repo, branch string) Worktree {
	t.Helper()
	wt, ok, err := r.Find(t.Context(), branch)
	if err != nil || !ok {
		t.Fatalf("worktree of %s: %v %v", branch, ok, err)
	}
	return wt
}

func TestMovedRepository(t *testing.T) {
	r, o := newRepo(t, "repo")
	e := ensure(t, r, o, "x")
	write(t, filepath.Join(e.Path, "work"), "work")
	moved := filepath.Join(filepath.Dir(r.Root), "moved")
	if err := os.Rename(r.Root, moved); err != nil {
		t.Fatal(err)
	}
	r2, err := Open(t.Context(), moved)
	if err != nil {
		t.Fatal(err)
	}
	wt := find(t, r2, "x")
	if wt.Path != e.Path || !wt.Owned || wt.MadeRoot != r.Root {
		t.Fatalf("%+v", wt)
	}
	again := ensure(t, r2, o, "x")
	if again.NewWorktree || sh(t, again.Path, "git", "status", "--porcelain") != "?? work" {
		t.Fatalf("%+v", again)
	}
	// Another clone takes the place of the first: its x is another x.
	sh(t, filepath.Dir(moved), "git", "clone", "-q", moved, r.Root)
	r3, err := Open(t.Context(), r.Root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r3.Ensure(t.Context(), EnsureOptions{Branch: "x", Dir: o.Dir}); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Fatalf("the moved repository's worktree was taken: %v", err)
	}
	if _, err := os.Stat(filepath.Join(e.Path, "work")); err != nil {
		t.Fatal(err)
	}
}

func TestCopiedRepository(t *testing.T) {
	r, o := newRepo(t, "repo")
	e := ensure(t, r, o, "x")
	write(t, filepath.Join(e.Path, "work"), "work")
	copied := filepath.Join(filepath.Dir(r.Root), "copied")
	sh(t, r.Root, "cp", "-r", r.Root, copied)
	r2, err := Open(t.Context(), copied)
	if err != nil {
		t.Fatal(err)
	}
	e2 := ensure(t, r2, o, "x")
	if e2.Path == e.Path {
		t.Fatal("the copy uses the original's worktree")
	}
	if err := r2.Remove(t.Context(), e2.Worktree, true); err != nil {
		t.Fatal(err)
	}
	if got := sh(t, find(t, r, "x").Path, "git", "status", "--porcelain"); got != "?? work" {
		t.Fatal(got)
	}
}

func TestBranchRenamedSwitchedRebased(t *testing.T) {
	r, o := newRepo(t, "repo")
	e := ensure(t, r, o, "x")
	sh(t, r.Root, "git", "branch", "-m", "x", "y")
	if wt := find(t, r, "y"); wt.Path != e.Path || wt.MadeFor != "x" {
		t.Fatalf("renamed: %+v", wt)
	}
	sh(t, r.Root, "git", "branch", "-m", "y", "x")
	write(t, filepath.Join(e.Path, "work"), "work")
	sh(t, e.Path, "git", "switch", "-q", "-c", "other")
	if wt := find(t, r, "x"); wt.Path != e.Path || wt.Current != "other" {
		t.Fatalf("switched: %+v", wt)
	}
	if got, err := r.Ensure(t.Context(), EnsureOptions{Branch: "x", Dir: o.Dir}); err != nil || got.NewWorktree {
		t.Fatalf("switched: %+v %v", got, err)
	}
	if _, err := r.Ensure(t.Context(), EnsureOptions{Branch: "other", Dir: o.Dir}); !errors.Is(err, ErrInUse) {
		t.Fatalf("two instances in one worktree: %v", err)
	}
	sh(t, e.Path, "git", "switch", "-q", "--detach", "x")
	if got, err := r.Ensure(t.Context(), EnsureOptions{Branch: "x", Dir: o.Dir}); err != nil || got.NewWorktree {
		t.Fatalf("detached: %+v %v", got, err)
	}
	if got := sh(t, e.Path, "git", "status", "--porcelain"); got != "?? work" {
		t.Fatal(got)
	}
}

func TestBranchDeletedOutside(t *testing.T) {
	r, o := newRepo(t, "repo")
	e := ensure(t, r, o, "x")
	sh(t, e.Path, "git", "commit", "-q", "--allow-empty", "-m", "mine")
	tip := sh(t, e.Path, "git", "rev-parse", "HEAD")
	sh(t, r.Root, "git", "update-ref", "-d", "refs/heads/x")
	again := ensure(t, r, o, "x")
	if got := sh(t, again.Path, "git", "rev-parse", "HEAD"); got != tip {
		t.Fatalf("x is at %s, was at %s", got, tip)
	}
}

// TestRemovalCutOff leaves a worktree as a kill in the middle of its removal does.
func TestRemovalCutOff(t *testing.T) {
	r, o := newRepo(t, "repo")
	write(t, filepath.Join(r.Root, "a"), "a")
	sh(t, r.Root, "sh", "-c", "git add a; git commit -qm a")
	e := ensure(t, r, o, "x")
	e.Whole = false
	if err := e.writeMarker(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"a", ".git"} {
		if err := os.Remove(filepath.Join(e.Path, f)); err != nil {
			t.Fatal(err)
		}
	}
	if again := ensure(t, r, o, "x"); sh(t, again.Path, "git", "status", "--porcelain") != "" {
		t.Fatal("the rest of a removed worktree was used")
	}
	// Whole, and only its .git file is gone: nothing in it is touched.
	write(t, filepath.Join(e.Path, "work"), "work")
	if err := os.Remove(filepath.Join(e.Path, ".git")); err != nil {
		t.Fatal(err)
	}
	if again := ensure(t, r, o, "x"); again.NewWorktree || sh(t, again.Path, "git", "status", "--porcelain") != "?? work" {
		t.Fatalf("%+v", again)
	}
}

func TestSubmodules(t *testing.T) {
	lib, _ := newRepo(t, "lib")
	r, o := newRepo(t, "repo")
	allow := []string{"git", "-c", "protocol.file.allow=always"}
	sh(t, r.Root, append(allow, "submodule", "--quiet", "add", lib.Root, "lib")...)
	sh(t, r.Root, "git", "commit", "-q", "-m", "lib")
	e := ensure(t, r, o, "x")
	sh(t, e.Path, append(allow, "submodule", "--quiet", "update", "--init")...)
	unsaved := func() Unsaved {
		t.Helper()
		u, err := r.Unsaved(t.Context(), e.Worktree, "")
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	if u := unsaved(); u.Lost() {
		t.Fatalf("%+v", u)
	}
	write(t, filepath.Join(e.Path, "lib", "new"), "new")
	if u := unsaved(); !slices.Equal(u.Untracked, []string{"lib/new"}) {
		t.Fatalf("%+v", u)
	}
	sh(t, filepath.Join(e.Path, "lib"), "sh", "-c", "git add . && git commit -qm inside")
	if u := unsaved(); len(u.Commits) != 1 || !strings.HasPrefix(u.Commits[0], "lib/: ") || len(u.Modified) != 1 {
		t.Fatalf("%+v", u)
	}
	sh(t, filepath.Join(e.Path, "lib"), "git", "reset", "-q", "--hard", "origin/main")
	if u := unsaved(); u.Lost() {
		t.Fatalf("%+v", u)
	}
	if err := r.Remove(t.Context(), e.Worktree, false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(e.GitDir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the record is left: %v", err)
	}
}
