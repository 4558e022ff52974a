package workspace

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
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
	More   int // files that are not listed, as there are too many
}

// ChangedFile is a file that differs, committed or not.
type ChangedFile struct {
	Path   string
	From   string // its path before, when it was renamed
	Status string // added, modified, deleted or renamed
}

var statuses = map[byte]string{'A': "added", 'M': "modified", 'T': "modified", 'D': "deleted", 'R': "renamed", 'U': "modified"}

// Diff compares the worktree, with what is not committed, with base: a branch or commit; "" is what BaseOf has, else the worktree's
// own start.
func (r *Repo) Diff(ctx context.Context, wt Worktree, base string) (Diff, error) {
	c, err := r.parted(ctx, wt, base)
	if err != nil {
		return c, err
	}
	l := changes{Diff: c}
	err = gitEach(ctx, call{dir: wt.Path, tree: true}, l.tracked, "diff", "--name-status", "-z", "--find-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", c.Commit, "--")
	if err != nil {
		return c, err
	}
	err = gitEach(ctx, call{dir: wt.Path}, func(path string) { l.add(ChangedFile{Path: path, Status: "added"}) }, "ls-files", "--others", "--exclude-standard", "-z")
	slices.SortFunc(l.Files, func(a, b ChangedFile) int { return strings.Compare(a.Path, b.Path) })
	return l.Diff, err
}

// What of a diff is told at most: an agent can make any number of files.
const (
	maxFiles     = 20_000
	maxFilesText = 4 << 20 // bytes of their paths
)

// changes collects a diff.
type changes struct {
	Diff
	text   int
	fields []string // of an entry that is not whole yet
}

// tracked takes a field of git diff --name-status -z: a status, and one path, or two of what was renamed.
func (l *changes) tracked(field string) {
	l.fields = append(l.fields, field)
	switch n, renamed := len(l.fields), strings.HasPrefix(l.fields[0], "R"); {
	case l.fields[0] == "":
		l.fields = nil
	case n == 2 && !renamed:
		l.add(ChangedFile{Path: l.fields[1], Status: statuses[l.fields[0][0]]})
		l.fields = nil
	case n == 3:
		l.add(ChangedFile{Path: l.fields[2], From: l.fields[1], Status: statuses['R']})
		l.fields = nil
	}
}

func (l *changes) add(f ChangedFile) {
	l.text += len(f.Path) + len(f.From)
	if len(l.Files) >= maxFiles || l.text > maxFilesText {
		l.More++
		return
	}
	l.Files = append(l.Files, f)
}

// parted finds the commit at which the worktree's branch left base.
func (r *Repo) parted(ctx context.Context, wt Worktree, base string) (Diff, error) {
	if base == "" {
		base = r.BaseOf(ctx, wt)
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

// FileAt is a file as a commit has it, and how many bytes it has: of a longer one than 16 MiB the beginning is given.
func (r *Repo) FileAt(ctx context.Context, commit, name string) (text []byte, size int64, err error) {
	if _, err := r.commit(ctx, commit); err != nil {
		return nil, 0, err
	}
	object := commit + ":" + name
	told, err := git(ctx, r.CommonDir, "cat-file", "-s", object)
	if err == nil {
		size, err = strconv.ParseInt(strings.TrimSpace(told), 10, 64)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %s at %s", ErrNoFile, name, commit)
	}
	out, _, err := gitHead(ctx, call{dir: r.CommonDir, foreign: true}, maxShown, "cat-file", "blob", object)
	return []byte(out), size, err
}
