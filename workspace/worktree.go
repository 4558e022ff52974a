package workspace

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Worktree is a checkout of one branch.
type Worktree struct {
	Path       string
	Branch     string // short name; "" for a detached HEAD
	Head       string // commit
	GitDir     string // its private git directory; the common one for the main checkout
	Main       bool
	Owned      bool      // made by hjk-ls
	MadeBranch bool      // with a branch that hjk-ls made
	Base       string    // commit the branch was made from
	Prunable   bool      // its folder is gone
	Whole      bool      // what hjk-ls makes is whole once Ensure has come to its end
	CreatedAt  time.Time // zero unless owned
}

// marker is what hjk-ls leaves in the private git directory of a worktree it makes. git deletes it with the worktree,
// so it cannot outlive what it tells of, and no agent can reach it.
type marker struct {
	CreatedBranch bool      `json:"createdBranch"`
	Base          string    `json:"base,omitempty"`
	CreatedAt     time.Time `json:"createdAt"`
	Whole         bool      `json:"whole"` // written again with true after the checkout
}

const markerFile = "headjack.json"

// Worktrees lists all checkouts of the repository, the main one first.
func (r *Repo) Worktrees(ctx context.Context) ([]Worktree, error) {
	out, err := git(ctx, r.CommonDir, "worktree", "list", "--porcelain", "-z")
	if err != nil {
		return nil, err
	}
	admin := r.adminDirs()
	var all []Worktree
	for _, block := range strings.Split(strings.TrimSuffix(out, "\x00\x00"), "\x00\x00") {
		wt, bare := parseWorktree(block)
		if wt.Path == "" || bare {
			continue
		}
		wt.Main = wt.Path == r.Root
		wt.GitDir = r.CommonDir
		if !wt.Main {
			wt.GitDir = admin[wt.Path]
			wt.mark()
		}
		if _, err := os.Lstat(wt.Path); err != nil {
			wt.Prunable = true // also where git has it locked
		}
		all = append(all, wt)
	}
	return all, nil
}

func parseWorktree(block string) (wt Worktree, bare bool) {
	for _, line := range strings.Split(block, "\x00") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "worktree":
			wt.Path = value
		case "HEAD":
			wt.Head = value
		case "branch":
			wt.Branch = strings.TrimPrefix(value, "refs/heads/")
		case "bare":
			bare = true
		case "prunable":
			wt.Prunable = true
		}
	}
	return wt, bare
}

// adminDirs maps each linked worktree's folder to its private git directory.
func (r *Repo) adminDirs() map[string]string {
	dirs := map[string]string{}
	parent := filepath.Join(r.CommonDir, "worktrees")
	entries, err := os.ReadDir(parent)
	if err != nil {
		return dirs
	}
	for _, e := range entries {
		dir := filepath.Join(parent, e.Name())
		if b, err := os.ReadFile(filepath.Join(dir, "gitdir")); err == nil {
			dirs[filepath.Dir(strings.TrimRight(string(b), "\n"))] = dir
		}
	}
	return dirs
}

// mark reads the marker, if there is one.
func (wt *Worktree) mark() {
	b, err := os.ReadFile(filepath.Join(wt.GitDir, markerFile))
	var m marker
	if err != nil || json.Unmarshal(b, &m) != nil {
		return
	}
	wt.Whole = m.Whole
	wt.Owned, wt.MadeBranch, wt.Base, wt.CreatedAt = true, m.CreatedBranch, m.Base, m.CreatedAt
}

// Find is the checkout of branch, if there is one whose folder exists.
func (r *Repo) Find(ctx context.Context, branch string) (Worktree, bool, error) {
	all, err := r.Worktrees(ctx)
	if err != nil {
		return Worktree{}, false, err
	}
	for _, wt := range all {
		if wt.Branch == branch && !wt.Prunable {
			return wt, true, nil
		}
	}
	return Worktree{}, false, nil
}
