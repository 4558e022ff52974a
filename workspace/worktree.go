package workspace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// Worktree is a checkout of one branch. One that hjk-ls made belongs to the branch it was made for, also while a rebase
// detaches its HEAD or somebody has switched it to another branch; a rename of that branch it follows.
type Worktree struct {
	Path       string
	Branch     string // short name of the branch it belongs to; "" for a detached HEAD
	Current    string // short name of the branch HEAD is on; "" for a detached HEAD
	Head       string // commit; zeros when the branch has none
	GitDir     string // its private git directory; the common one for the main checkout
	Main       bool
	Owned      bool      // made by hjk-ls
	MadeBranch bool      // with a branch that hjk-ls made
	Base       string    // commit the branch was made from
	BaseBranch string    // branch that this one was made from, such as "main" or "origin/main"; "" where it was none, or is not known
	Prunable   bool      // its folder is gone
	Foreign    bool      // its folder is by now another repository's: this one is a copy
	Unlinked   bool      // its .git file leads nowhere: the repository was moved, or the file deleted
	Whole      bool      // what hjk-ls makes is whole once Ensure has come to its end
	CreatedAt  time.Time // zero unless owned

	MadeRoot, MadeFor string // Root and Branch when it was made: they name the instance, wherever both have moved since
}

// marker is what hjk-ls leaves in the private git directory of a worktree it makes. git deletes it with the worktree,
// so it cannot outlive what it tells of, and no agent can reach it.
type marker struct {
	Root          string    `json:"root,omitempty"`
	Branch        string    `json:"branch,omitempty"`
	CreatedBranch bool      `json:"createdBranch"`
	Base          string    `json:"base,omitempty"`
	BaseBranch    string    `json:"baseBranch,omitempty"`
	CreatedAt     time.Time `json:"createdAt"`
	Whole         bool      `json:"whole"` // written again with true after the checkout
}

const markerFile = "headjack.json"

// Worktrees lists all checkouts of the repository, the main one first.
func (r *Repo) Worktrees(ctx context.Context) ([]Worktree, error) {
	out, err := r.listWorktrees(ctx)
	if err != nil {
		return nil, err
	}
	admin := r.adminDirs()
	var all []Worktree
	for i, block := range strings.Split(strings.TrimSuffix(out, "\x00\x00"), "\x00\x00") {
		wt, bare := parseWorktree(block)
		wt.Main = i == 0
		if wt.Main {
			wt.Path = r.main()
		}
		if wt.Path == "" || bare {
			continue
		}
		wt.MadeRoot, wt.MadeFor = r.Root, wt.Branch
		wt.GitDir = r.CommonDir
		_, err := os.Lstat(wt.Path)
		wt.Prunable = err != nil // also where git has it locked
		if !wt.Main {
			wt.GitDir = admin[wt.Path]
			wt.link()
			if err := r.mark(ctx, &wt); err != nil {
				return nil, err
			}
		}
		all = append(all, wt)
	}
	return all, nil
}

// Away stands for the checkout of a branch that is checked out nowhere.
func (r *Repo) Away(branch string) Worktree { return Worktree{Path: r.Root, Branch: branch} }

// listWorktrees asks git, and again where it met a worktree that another process was just making ("failed to read
// worktrees/x/commondir: Success", git 2.39).
func (r *Repo) listWorktrees(ctx context.Context) (out string, err error) {
	for range 100 {
		out, err = git(ctx, r.CommonDir, "worktree", "list", "--porcelain", "-z")
		var ge *GitError
		if !errors.As(err, &ge) || !strings.Contains(ge.Stderr, "failed to read worktrees/") {
			return out, err
		}
		time.Sleep(lockPoll)
	}
	return out, err
}

// main is the main checkout. git does not know where it is when its directory lies elsewhere: then it is the one the
// repository was opened from, or nobody can tell.
func (r *Repo) main() string {
	switch {
	case r.Root != r.CommonDir:
		return r.Root
	case linkedTo(r.From) == "":
		return r.From
	}
	return ""
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
			wt.Current = wt.Branch
		case "bare":
			bare = true
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
			dirs[filepath.Dir(absolute(dir, strings.TrimRight(string(b), "\n")))] = dir
		}
	}
	return dirs
}

// absolute reads a path that may be relative to dir, as git writes them with worktree.useRelativePaths.
func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// link looks where the worktree's .git file leads.
func (wt *Worktree) link() {
	if wt.Prunable || wt.GitDir == "" {
		return
	}
	target := linkedTo(wt.Path)
	if target == "" {
		_, err := os.Lstat(filepath.Join(wt.Path, ".git"))
		wt.Unlinked, wt.Foreign = err != nil, err == nil
		return
	}
	there, err := os.Stat(target)
	if err != nil {
		wt.Unlinked = true
		return
	}
	here, err := os.Stat(wt.GitDir)
	wt.Foreign = err != nil || !os.SameFile(there, here)
}

// mark reads the marker, if there is one. A copy of a repository has the markers of the original's worktrees, which are
// not its own.
func (r *Repo) mark(ctx context.Context, wt *Worktree) error {
	b, err := os.ReadFile(filepath.Join(wt.GitDir, markerFile))
	var m marker
	if wt.Foreign || err != nil || json.Unmarshal(b, &m) != nil {
		return nil
	}
	wt.Whole = m.Whole
	wt.Owned, wt.MadeBranch, wt.Base, wt.BaseBranch, wt.CreatedAt = true, m.CreatedBranch, m.Base, m.BaseBranch, m.CreatedAt
	if m.Root == "" { // of a version that did not write both
		return nil
	}
	wt.MadeRoot, wt.MadeFor = m.Root, m.Branch
	if wt.Current == m.Branch {
		return nil
	}
	exists, err := r.HasBranch(ctx, m.Branch)
	if exists || wt.Current == "" { // switched, or in the middle of a rebase
		wt.Branch = m.Branch
	}
	return err
}

// HasBranch reports whether there is a local branch.
func (r *Repo) HasBranch(ctx context.Context, branch string) (bool, error) {
	_, err := git(ctx, r.CommonDir, "show-ref", "--verify", "--quiet", "refs/heads/"+branch)
	if exitCode(err) == 1 {
		return false, nil
	}
	return err == nil, err
}

// Identity is what names the instance of a branch: the repository's Root and the branch, unless its worktree was made
// when one of them had another name.
func (r *Repo) Identity(ctx context.Context, branch string) (root, name string, err error) {
	if !r.anyMoved() {
		return r.Root, branch, nil
	}
	all, err := r.Worktrees(ctx)
	for _, wt := range all {
		if wt.Branch == branch && wt.Owned {
			return wt.MadeRoot, wt.MadeFor, err
		}
	}
	return r.Root, branch, err
}

// anyMoved reports, without asking git, whether a worktree of ours may be named otherwise than when it was made.
func (r *Repo) anyMoved() bool {
	for _, dir := range r.adminDirs() {
		b, err := os.ReadFile(filepath.Join(dir, markerFile))
		var m marker
		if err != nil || json.Unmarshal(b, &m) != nil || m.Root == "" {
			continue
		}
		head, err := os.ReadFile(filepath.Join(dir, "HEAD"))
		if err != nil || m.Root != r.Root || strings.TrimSpace(string(head)) != "ref: refs/heads/"+m.Branch {
			return true
		}
	}
	return false
}

// Find is the checkout of branch, if there is one whose folder exists. One that lost its way to the repository gets it
// back.
func (r *Repo) Find(ctx context.Context, branch string) (Worktree, bool, error) {
	all, err := r.Worktrees(ctx)
	if err != nil {
		return Worktree{}, false, err
	}
	for _, wt := range all {
		if wt.Branch == branch && !wt.Prunable && !wt.Foreign {
			if err := r.reach(ctx, &wt); err != nil {
				return wt, true, err
			}
			return wt, true, wt.Relink()
		}
	}
	return Worktree{}, false, nil
}

// reach makes a worktree of ours one that can be entered: its agent can have taken away the right to.
func (r *Repo) reach(ctx context.Context, wt *Worktree) error {
	if !wt.Unlinked || !wt.Owned {
		return nil
	}
	if err := Reach(ctx, wt.Path, r.Own); err != nil {
		return err
	}
	wt.Unlinked = false
	wt.link()
	return nil
}

// Relink writes the .git file of a worktree of ours that leads nowhere. It writes into the file that is there, which a
// container may have mounted.
func (wt Worktree) Relink() error {
	if !wt.Unlinked || !wt.Owned {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(wt.Path, ".git"), os.O_CREATE|os.O_WRONLY|system.NoFollow|system.NonBlock, 0o644)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("%s/.git is no plain file; delete it", wt.Path)
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteString("gitdir: " + wt.GitDir + "\n")
	}
	return errors.Join(err, f.Close())
}

// Restore makes the branch of a worktree of ours again when somebody deleted it, at the last commit the worktree had. It
// reports whether it did.
func (r *Repo) Restore(ctx context.Context, wt Worktree) (bool, error) {
	if !wt.Owned || wt.Current != wt.Branch || strings.Trim(wt.Head, "0") != "" {
		return false, nil
	}
	for _, commit := range []string{wt.lastCommit(), wt.Base} {
		if commit == "" {
			continue
		}
		if _, err := git(ctx, r.CommonDir, "update-ref", "refs/heads/"+wt.Branch, commit, ""); err == nil {
			return true, nil
		}
	}
	return false, nil
}

// lastCommit is the newest entry of the worktree's reflog, "" when there is none.
func (wt Worktree) lastCommit() string {
	b, err := os.ReadFile(filepath.Join(wt.GitDir, "logs", "HEAD"))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	fields := strings.Fields(lines[len(lines)-1])
	if len(fields) < 2 {
		return ""
	}
	return fields[1]
}
