package agents

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// DiffArgs say which diff is written, and how.
type DiffArgs struct {
	Workspace string
	Branch    string
	Base      string // as hjk-ls.changes has it
	Stat      bool
	NameOnly  bool
	Exact     bool     // for git apply
	Width     int      // of the terminal
	Folder    string   // that relative paths are of
	Paths     []string // pathspecs of git's
}

// DiffOutcome is what a diff that was written is of.
type DiffOutcome struct {
	Base string // branch or commit
	Own  []string
	Left int
	Git  *Git // how the branch on the host and inside stand
}

// Diff writes what a branch changed since it left its base, committed or not. It does not need the engine.
func (m *Manager) Diff(ctx context.Context, a DiffArgs, w io.Writer) (DiffOutcome, error) {
	r, wt, g, err := m.checkout(ctx, a.Workspace, a.Branch)
	if err != nil {
		return DiffOutcome{}, err
	}
	paths, err := pathspecs(r, wt, a)
	if err != nil {
		return DiffOutcome{}, err
	}
	s, err := r.Show(ctx, wt, workspace.ShowOptions{Base: a.Base, Stat: a.Stat, NameOnly: a.NameOnly, Exact: a.Exact, Width: a.Width, Paths: paths}, w)
	out := DiffOutcome{Base: s.Base, Left: s.Left, Git: g}
	if out.Base == "" {
		out.Base = s.Commit
	}
	for _, name := range s.Own {
		out.Own = append(out.Own, spelled(name))
	}
	return out, wrap(err, CodeWorktreeFailed)
}

// checkout is the checkout of a branch, with what was committed inside.
func (m *Manager) checkout(ctx context.Context, hint, branch string) (*workspace.Repo, workspace.Worktree, *Git, error) {
	r, err := m.repo(ctx, hint, branch)
	if err != nil {
		return nil, workspace.Worktree{}, nil, err
	}
	wt, ok, err := r.Find(ctx, branch)
	if err != nil {
		return nil, wt, nil, wrap(err, CodeWorktreeFailed)
	}
	if !ok {
		return nil, wt, nil, noInstance(branch)
	}
	var g *Git
	if p, err := m.placeOf(ctx, r, branch); err == nil {
		g = m.sync(ctx, r, wt, p)
	}
	return r, wt, g, nil
}

// pathspecs are paths as the branch's checkout has them: those of the folder that a person is in, whichever checkout that is of.
func pathspecs(r *workspace.Repo, wt workspace.Worktree, a DiffArgs) ([]string, error) {
	prefix, err := filepath.Rel(r.From, a.Folder)
	if a.Folder == "" || err != nil || !filepath.IsLocal(prefix) {
		prefix = "."
	}
	var all []string
	for _, path := range a.Paths {
		switch {
		case strings.HasPrefix(path, ":"): // git's own signs
		case filepath.IsAbs(path):
			rel, ok := within(path, wt.Path, r.From, r.Root)
			if !ok {
				return nil, Errorf(CodeInvalidArgument, "%s is in no checkout of %s", path, r.Root)
			}
			path = rel
		default:
			path = filepath.Join(prefix, path)
			if !filepath.IsLocal(path) {
				return nil, Errorf(CodeInvalidArgument, "%s leads out of the checkout", path)
			}
		}
		all = append(all, filepath.ToSlash(path))
	}
	return all, nil
}

// within is a path below the first of these folders that holds it.
func within(path string, folders ...string) (string, bool) {
	for _, dir := range folders {
		if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
			return rel, true
		}
	}
	return "", false
}
