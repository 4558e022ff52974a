package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// ErrDirty means that a worktree holds work that is nowhere else.
var ErrDirty = errors.New("worktree has unsaved work")

// Unsaved is what would be gone with a worktree.
type Unsaved struct {
	Modified  []string // changed, staged or conflicting, by path
	Untracked []string // neither tracked nor ignored
	Ignored   []string // ignored; told, but no reason to refuse
	Commits   []string // "abbrev subject" of commits on no other branch, remote or tag
}

// Lost reports whether work would be lost.
func (u Unsaved) Lost() bool { return len(u.Modified)+len(u.Untracked)+len(u.Commits) > 0 }

// String lists everything for a person, a few lines a kind.
func (u Unsaved) String() string {
	var b strings.Builder
	section := func(title string, items []string) {
		const most = 10
		if len(items) == 0 {
			return
		}
		fmt.Fprintf(&b, "  %s:\n", title)
		for i, item := range items {
			if i == most {
				fmt.Fprintf(&b, "    … and %d more\n", len(items)-most)
				break
			}
			fmt.Fprintf(&b, "    %s\n", item)
		}
	}
	section("changed", u.Modified)
	section("untracked", u.Untracked)
	section("commits on no other branch or remote", u.Commits)
	section("ignored files that would go too", u.Ignored)
	return strings.TrimSuffix(b.String(), "\n")
}

// Unsaved tells what would be lost with wt and its branch.
func (r *Repo) Unsaved(ctx context.Context, wt Worktree) (Unsaved, error) {
	var u Unsaved
	if _, err := os.Stat(wt.Path); err == nil {
		out, err := git(ctx, wt.Path, "status", "--porcelain", "-z", "--ignored", "--untracked-files=all", "--ignore-submodules=none")
		if err != nil {
			return u, err
		}
		u.parseStatus(nul(out))
	}
	if wt.Branch == "" {
		return u, nil
	}
	out, err := git(ctx, r.CommonDir, "log", "--format=%h %s", "--max-count=50", "refs/heads/"+wt.Branch, "--not",
		"--exclude="+wt.Branch, "--branches", "--remotes", "--tags")
	if err != nil {
		return u, err
	}
	if out = strings.TrimSpace(out); out != "" {
		u.Commits = strings.Split(out, "\n")
	}
	return u, nil
}

func (u *Unsaved) parseStatus(fields []string) {
	for i := 0; i < len(fields); i++ {
		if len(fields[i]) < 4 {
			continue
		}
		code, path := fields[i][:2], fields[i][3:]
		switch {
		case code == "??":
			u.Untracked = append(u.Untracked, path)
		case code == "!!":
			u.Ignored = append(u.Ignored, path)
		default:
			u.Modified = append(u.Modified, path)
		}
		if code[0] == 'R' || code[0] == 'C' {
			i++ // the path it came from
		}
	}
}

// Remove deletes a worktree that hjk-ls made; its branch stays. It refuses with ErrDirty when work would be lost,
// unless force. One that is gone already is no error.
func (r *Repo) Remove(ctx context.Context, wt Worktree, force bool) error {
	if !wt.Owned {
		return fmt.Errorf("worktree %s was not made by hjk-ls and stays", wt.Path)
	}
	ctx, unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if !force {
		u, err := r.Unsaved(ctx, Worktree{Path: wt.Path})
		if err != nil {
			return err
		}
		if u.Lost() {
			return fmt.Errorf("%w: %s\n%s", ErrDirty, wt.Path, u)
		}
	}
	return r.drop(ctx, wt)
}

// DeleteBranch deletes the branch of a removed worktree when hjk-ls made it and every commit on it is also elsewhere.
// It reports whether it did.
func (r *Repo) DeleteBranch(ctx context.Context, wt Worktree) (bool, error) {
	if !wt.MadeBranch || wt.Branch == "" {
		return false, nil
	}
	u, err := r.Unsaved(ctx, Worktree{Path: "", Branch: wt.Branch})
	if err != nil || len(u.Commits) > 0 {
		return false, err
	}
	return true, r.deleteUnmoved(ctx, wt.Branch, "")
}
