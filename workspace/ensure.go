package workspace

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/internal/system"
)

// EnsureOptions say which checkout is wanted.
type EnsureOptions struct {
	Branch string
	From   string // start point of a new branch; "" is HEAD of the checkout the Repo was opened from
	Dir    string // folder that holds the worktrees hjk-ls makes
}

// Ensured is a checkout with what Ensure made for it.
type Ensured struct {
	Worktree
	NewWorktree, NewBranch bool

	Start  string   // of a new branch: what it begins at, such as "main, 1f3a9c2 the commit's subject"
	Copied []string // into a new worktree, as .worktreeinclude says
}

// Ensure makes sure that a branch is checked out. A checkout that exists is used, whoever made it; otherwise the local
// branch, the branch of the one remote that has it, or a new branch from o.From gets a worktree at
// o.Dir/InstanceName. What a killed earlier call left there is cleaned up first. When it fails it leaves nothing.
func (r *Repo) Ensure(ctx context.Context, o EnsureOptions) (Ensured, error) {
	if wt, ok, err := r.usable(ctx, o); err != nil || ok {
		return Ensured{Worktree: wt}, err
	}
	ctx, unlock, err := r.lock(ctx)
	if err != nil {
		return Ensured{}, fmt.Errorf("lock %s: %w", r.CommonDir, err)
	}
	defer unlock()
	if wt, ok, err := r.usable(ctx, o); err != nil || ok { // somebody was faster
		return Ensured{Worktree: wt}, err
	}
	s, err := r.start(ctx, o.Branch, o.From)
	if err != nil {
		return Ensured{}, err
	}
	made, err := r.add(ctx, o, s)
	if err == nil {
		return made, nil
	}
	cleanCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	return Ensured{}, errors.Join(withSpace(err, o.Dir), r.undo(cleanCtx, made))
}

// withSpace adds to an error of git about writing how much space there is: git does not say that a disk is full.
func withSpace(err error, dir string) error {
	var ge *GitError
	if !errors.As(err, &ge) || !strings.Contains(ge.Stderr, "unable to write") {
		return err
	}
	free, serr := system.FreeBytes(dir)
	if serr != nil {
		return err
	}
	return fmt.Errorf("%w; is the disk full? %s has %d MB of space", err, dir, free>>20)
}

// ErrInUse means that a branch is checked out where another instance works.
var ErrInUse = errors.New("branch is checked out in another instance's worktree")

// usable finds the checkout of a branch, unless it is one of ours that a killed Ensure has left half made.
func (r *Repo) usable(ctx context.Context, o EnsureOptions) (Worktree, bool, error) {
	wt, ok, err := r.Find(ctx, o.Branch)
	if err != nil || !ok || r.Makes(wt, o.Dir) && !wt.Whole {
		return wt, false, err
	}
	_, err = r.Restore(ctx, wt)
	return wt, err == nil, err
}

// Makes reports whether a worktree is one that Ensure made in dir: also before it has its marker.
func (r *Repo) Makes(wt Worktree, dir string) bool {
	return wt.Owned || wt.Path == filepath.Join(dir, InstanceName(r.Root, wt.Branch))
}

// cleanTimeout bounds the taking back of what a failed call made.
const cleanTimeout = 20 * time.Second

// add makes the branch, the worktree, its marker, its content, and last says that it is whole: whatever a kill leaves of
// that is recognized and made anew.
func (r *Repo) add(ctx context.Context, o EnsureOptions, s start) (Ensured, error) {
	path := filepath.Join(o.Dir, InstanceName(r.Root, o.Branch))
	e := Ensured{Worktree: Worktree{Path: path, Branch: o.Branch}}
	if err := r.clear(ctx, path, o.Branch); err != nil {
		return e, err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return e, err
	}
	e.NewWorktree, e.NewBranch = true, !s.local
	if !s.local {
		if err := r.makeBranch(ctx, o.Branch, s); err != nil {
			e.NewWorktree, e.NewBranch = false, false
			return e, err
		}
	}
	if _, err := git(ctx, r.CommonDir, "worktree", "add", "--quiet", "--no-checkout", path, o.Branch); err != nil {
		return e, err
	}
	wt, err := r.newWorktree(ctx, path, o.Branch)
	if err != nil {
		return e, err
	}
	if wt.MadeBranch = !s.local; wt.MadeBranch {
		wt.BaseBranch = r.baseBranch(ctx, s, o)
	}
	if err := wt.writeMarker(); err != nil {
		return e, err
	}
	e.Worktree = wt
	if e.NewBranch {
		e.Start = r.described(ctx, s, o.From, wt.Base)
	}
	if err := r.lendKeys(wt); err != nil {
		return e, err
	}
	if _, err := gitWith(ctx, call{dir: path, fetches: true}, "reset", "--quiet", "--hard"); err != nil {
		return e, err
	}
	if e.Copied, err = r.Include(ctx, path); err != nil {
		return e, err
	}
	e.Whole = true
	return e, e.writeMarker()
}

// gitCrypt is the folder of a git directory in which git-crypt has its keys.
const gitCrypt = "git-crypt"

// lendKeys leads git-crypt from a worktree to the repository's keys. Up to 0.7 it looks for them in the worktree's own git directory
// alone, and the checkout would fail.
func (r *Repo) lendKeys(wt Worktree) error {
	keys := filepath.Join(r.CommonDir, gitCrypt)
	to, err := filepath.Rel(wt.GitDir, keys)
	if err != nil || !isDir(keys) {
		return err
	}
	if err := os.Symlink(to, filepath.Join(wt.GitDir, gitCrypt)); !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// makeBranch creates the branch in a step of its own, so that a kill right after leaves a plain branch, which the next
// run simply uses.
func (r *Repo) makeBranch(ctx context.Context, branch string, s start) error {
	args := []string{"branch", "--quiet", "--no-track", branch, s.commit}
	if s.track != "" {
		args = []string{"branch", "--quiet", "--track", branch, "refs/remotes/" + s.track}
	}
	_, err := git(ctx, r.From, args...)
	return err
}

// described tells a person where a new branch begins: what was named, or is checked out where the repository was opened from, and
// its commit.
func (r *Repo) described(ctx context.Context, s start, from, commit string) string {
	name := cmp.Or(s.track, from, r.Current(ctx), "HEAD")
	out, err := git(ctx, r.CommonDir, "log", "-1", "--no-show-signature", logFormat, commit)
	if err != nil {
		out = commit
	}
	out = strings.TrimSpace(out)
	if short, _, _ := strings.Cut(out, " "); name == commit || strings.HasPrefix(name, short) { // it is the commit itself that was named
		return out
	}
	return name + ", " + out
}

// newWorktree describes a worktree that was just added.
func (r *Repo) newWorktree(ctx context.Context, path, branch string) (Worktree, error) {
	head, err := git(ctx, path, "rev-parse", "HEAD", "--absolute-git-dir")
	if err != nil {
		return Worktree{}, err
	}
	commit, dir, _ := strings.Cut(strings.TrimSuffix(head, "\n"), "\n")
	return Worktree{
		Path: path, Branch: branch, Current: branch, Head: commit, GitDir: dir, Owned: true, MadeRoot: r.Root, MadeFor: branch,
		Base: commit, CreatedAt: time.Now().UTC().Truncate(time.Millisecond),
	}, nil
}

// writeMarker leaves the marker in the worktree's private git directory.
func (wt Worktree) writeMarker() error {
	b, err := json.Marshal(marker{Root: wt.MadeRoot, Branch: wt.MadeFor, CreatedBranch: wt.MadeBranch, Base: wt.Base, BaseBranch: wt.BaseBranch, CreatedAt: wt.CreatedAt, Whole: wt.Whole})
	if err != nil {
		return err
	}
	path := filepath.Join(wt.GitDir, markerFile)
	if err := os.WriteFile(path+".tmp", b, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

// clear removes what stands in the way at path: the half-made worktree of a killed call, or the record of one whose
// folder was deleted or belongs to the repository that this one is a copy of. A folder that git knows nothing of but that
// holds files is not ours to delete, nor is a whole worktree of another branch.
func (r *Repo) clear(ctx context.Context, path, branch string) error {
	all, err := r.Worktrees(ctx)
	if err != nil {
		return err
	}
	for _, wt := range all {
		switch {
		case wt.Foreign && wt.Current == branch && wt.Path != path:
			err = r.forget(wt)
		case wt.Prunable && (wt.Path == path || wt.Owned && wt.Branch == branch), wt.Path == path && !wt.Whole && !wt.Foreign:
			err = r.drop(ctx, wt)
		case wt.Path == path:
			err = fmt.Errorf("%w: %s has branch %q checked out; switch it back: %s", ErrInUse, path, wt.Current, plain.Shell("git", "-C", path, "switch", branch))
		case wt.Owned && wt.Current == branch:
			err = fmt.Errorf("%w: %s belongs to branch %q and has %q checked out; switch it back first: %s",
				ErrInUse, wt.Path, wt.Branch, branch, plain.Shell("git", "-C", wt.Path, "switch", wt.Branch))
		}
		if err != nil {
			return err
		}
	}
	err = os.Remove(path)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("%s is in the way and is no worktree of this repository; move it away: %w", path, err)
}

// drop deletes a worktree and git's record of it. A worktree of ours is declared unfinished first and its record goes
// last, so that a removal that is cut off is made good by the next Ensure or drop.
//
// Whatever of it can fail is tried first.
func (r *Repo) drop(ctx context.Context, wt Worktree) error {
	if err := r.Droppable(ctx, wt); err != nil {
		return err
	}
	if wt.Owned && wt.Whole {
		wt.Whole = false
		if err := wt.writeMarker(); err != nil {
			return err
		}
	}
	if err := Delete(ctx, wt.Path, r.Own); err != nil {
		return err
	}
	return r.forget(wt)
}

// Droppable does of a worktree's removal what may fail, and destroys nothing.
func (r *Repo) Droppable(ctx context.Context, wt Worktree) error {
	if wt.GitDir != "" && wt.GitDir != r.CommonDir && !system.Writable(filepath.Dir(wt.GitDir)) {
		return fmt.Errorf("delete %s: %s is not writable; make it so and try again", wt.GitDir, filepath.Dir(wt.GitDir))
	}
	return Deletable(ctx, wt.Path, r.Own)
}

// forget deletes git's record of a linked worktree and leaves its folder.
func (r *Repo) forget(wt Worktree) error {
	if wt.GitDir == "" || wt.GitDir == r.CommonDir {
		return nil
	}
	return os.RemoveAll(wt.GitDir)
}

// Undo takes back what one Ensure made. A branch that has moved since is kept, as is a worktree with changes.
func (r *Repo) Undo(ctx context.Context, e Ensured) error {
	if !e.NewWorktree && !e.NewBranch {
		return nil
	}
	ctx, unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if e.NewWorktree {
		if u, err := r.Unsaved(ctx, e.Worktree, ""); err == nil && u.WithBranch().Lost() {
			return nil
		}
	}
	return r.undo(ctx, e)
}

func (r *Repo) undo(ctx context.Context, e Ensured) error {
	if e.NewWorktree {
		all, err := r.Worktrees(ctx)
		if err != nil {
			return err
		}
		for _, wt := range all {
			if wt.Path == e.Path {
				if err := r.drop(ctx, wt); err != nil {
					return err
				}
			}
		}
	}
	if !e.NewBranch {
		return nil
	}
	return r.deleteUnmoved(ctx, e.Branch, e.Base)
}

// deleteUnmoved deletes a branch that still is where it was made.
func (r *Repo) deleteUnmoved(ctx context.Context, branch, base string) error {
	args := []string{"update-ref", "-d", "refs/heads/" + branch}
	if base != "" {
		args = append(args, base)
	}
	if _, err := git(ctx, r.CommonDir, args...); err != nil {
		return err
	}
	_, err := git(ctx, r.CommonDir, "config", "--remove-section", "branch."+branch)
	if exitCode(err) == 128 { // it had no tracking configuration
		return nil
	}
	return err
}
