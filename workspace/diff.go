package workspace

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Branch is a branch that work can go on at.
type Branch struct {
	Name    string
	Remote  string // where it is, unless it is local
	Current bool   // checked out where the repository was opened from
}

// Branches lists the local branches, the last used first, then those that only remotes have.
func (r *Repo) Branches(ctx context.Context) ([]Branch, error) {
	out, err := git(ctx, r.CommonDir, "for-each-ref", "--sort=-committerdate", "--format=%(refname)%00%(symref)", "refs/heads", "refs/remotes")
	if err != nil {
		return nil, err
	}
	current := r.Current(ctx)
	var local, remote []Branch
	for line := range strings.Lines(out) {
		ref, symref, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\x00")
		if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
			local = append(local, Branch{Name: name, Current: name == current})
			continue
		}
		host, name, ok := strings.Cut(strings.TrimPrefix(ref, "refs/remotes/"), "/")
		if ok && symref == "" {
			remote = append(remote, Branch{Name: name, Remote: host})
		}
	}
	remote = slices.DeleteFunc(remote, func(b Branch) bool {
		return slices.ContainsFunc(local, func(l Branch) bool { return l.Name == b.Name })
	})
	return append(local, remote...), nil
}

// Current is the branch that is checked out where the repository was opened from, "" for none.
func (r *Repo) Current(ctx context.Context) string {
	out, err := git(ctx, r.From, "symbolic-ref", "--quiet", "--short", "HEAD")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// HeadFile is the file that tells what is checked out where the repository was opened from.
func (r *Repo) HeadFile() string {
	if dir := linkedTo(r.From); dir != "" {
		return path.Join(dir, "HEAD")
	}
	return path.Join(r.CommonDir, "HEAD")
}

// Diff is how a worktree differs from where its branch left another.
type Diff struct {
	Base   string // the other branch, or "" for the commit the branch was made at
	Commit string // where they parted
	Files  []ChangedFile
}

// ChangedFile is a file that differs, committed or not.
type ChangedFile struct {
	Path   string
	From   string // its path before, when it was renamed
	Status string // added, modified, deleted or renamed
}

var statuses = map[byte]string{'A': "added", 'M': "modified", 'T': "modified", 'D': "deleted", 'R': "renamed", 'U': "modified"}

// Diff compares the worktree, with what is not committed, with base: a branch or commit; "" is the branch of the main
// checkout, else of the worktree's own start.
func (r *Repo) Diff(ctx context.Context, wt Worktree, base string) (Diff, error) {
	c, err := r.parted(ctx, wt, base)
	if err != nil {
		return c, err
	}
	out, err := git(ctx, wt.Path, "diff", "--name-status", "-z", "--find-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", c.Commit, "--")
	if err != nil {
		return c, err
	}
	fields := nul(out)
	for i := 0; i+1 < len(fields); i += 2 {
		f := ChangedFile{Path: fields[i+1], Status: statuses[fields[i][0]]}
		if fields[i][0] == 'R' && i+2 < len(fields) {
			f.From, f.Path = fields[i+1], fields[i+2]
			i++
		}
		c.Files = append(c.Files, f)
	}
	out, err = git(ctx, wt.Path, "ls-files", "--others", "--exclude-standard", "-z")
	for _, p := range nul(out) {
		c.Files = append(c.Files, ChangedFile{Path: p, Status: "added"})
	}
	slices.SortFunc(c.Files, func(a, b ChangedFile) int { return strings.Compare(a.Path, b.Path) })
	return c, err
}

// parted finds the commit at which the worktree's branch left base.
func (r *Repo) parted(ctx context.Context, wt Worktree, base string) (Diff, error) {
	if base == "" {
		base = r.mainBranch(ctx)
	}
	if base == wt.Branch || base == "" {
		if wt.Base != "" {
			return Diff{Commit: wt.Base}, nil
		}
		return Diff{Commit: "HEAD"}, nil
	}
	if _, err := r.commit(ctx, base); err != nil {
		return Diff{}, err
	}
	out, err := git(ctx, wt.Path, "merge-base", "--", base, "HEAD")
	if exitCode(err) == 1 {
		return Diff{}, fmt.Errorf("%w: %s and %s have no commit in common", ErrStartPoint, base, wt.Branch)
	}
	return Diff{Base: base, Commit: strings.TrimSpace(out)}, err
}

// mainBranch is the branch of the main checkout, else the one a remote names as its own.
func (r *Repo) mainBranch(ctx context.Context) string {
	main := Repo{From: r.main()}
	if main.From != "" {
		if b := main.Current(ctx); b != "" {
			return b
		}
	}
	out, err := git(ctx, r.CommonDir, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// maxShown bounds a file that is shown beside its later self.
const maxShown = 16 << 20

// ErrNoFile means that a commit has no such file.
var ErrNoFile = errors.New("no such file in that commit")

// FileAt is a file as a commit has it.
func (r *Repo) FileAt(ctx context.Context, commit, name string) ([]byte, error) {
	if _, err := r.commit(ctx, commit); err != nil {
		return nil, err
	}
	object := commit + ":" + name
	size, err := git(ctx, r.CommonDir, "cat-file", "-s", object)
	if err != nil {
		return nil, fmt.Errorf("%w: %s at %s", ErrNoFile, name, commit)
	}
	if len(strings.TrimSpace(size)) > len("16777216") {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxShown>>20)
	}
	out, err := git(ctx, r.CommonDir, "cat-file", "blob", object)
	return []byte(out), err
}
