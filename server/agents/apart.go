package agents

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// apart refuses what would give an agent a folder that is not its own: hjk-ls's, or one that another instance works with. An agent
// that can write along the path of a mount decides what is mounted.
func (m *Manager) apart(ctx context.Context, eng *engine, w wish, p place, wt workspace.Worktree) error {
	for _, own := range []string{m.opts.StateDir, filepath.Dir(m.opts.ConfigFile)} {
		if inside(wt.Path, own) {
			return Errorf(CodeWorktreeFailed, "%s holds %s, which is hjk-ls's own: an agent there could change what you have allowed; work in a worktree, on a branch that is not checked out there", wt.Path, own)
		}
	}
	all, err := eng.List(ctx, container.ListOptions{})
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Repo == p.Repo && c.Branch == p.Branch {
			continue
		}
		for _, path := range []string{wt.Path, w.repo.CommonDir} {
			if inside(c.Worktree, path) && !covered(c, path) {
				return Errorf(CodeWorktreeFailed, "%s lies in %s, where the agent of branch %q of %s can write; have that one leave it alone first: %s",
					path, c.Worktree, c.Branch, c.Repo, hjk("recreate", c.Branch, "--workspace", c.Repo))
			}
		}
	}
	return nil
}

// shielded reports whether a stopped container has all the mounts in its worktree that one made now would have: a submodule or a
// worktree may have come since.
func (u *bringUp) shielded(ctx context.Context, c container.Container) (bool, error) {
	wt, found, err := u.wish.repo.Find(ctx, u.place.Now)
	if err != nil || !found {
		return false, wrap(err, CodeWorktreeFailed)
	}
	if err := u.m.apart(ctx, u.eng, u.wish, u.place, wt); err != nil {
		return false, err
	}
	binds, err := gitBinds(ctx, u.wish, wt, u.place)
	if err != nil {
		return false, err
	}
	for _, b := range binds {
		has := slices.ContainsFunc(c.Mounts, func(m container.Mount) bool { return m.Target == b.Target })
		if inside(wt.Path, b.Target) && !has {
			return false, nil
		}
	}
	return true, nil
}

// inside reports whether a path is a folder, or lies in it. Links are followed where there is something.
func inside(dir, path string) bool {
	if dir == "" {
		return false
	}
	rel, err := filepath.Rel(resolved(dir), resolved(path))
	return err == nil && filepath.IsLocal(rel)
}

func resolved(path string) string {
	if r, err := filepath.EvalSymlinks(path); err == nil {
		return r
	}
	return path
}

// covered reports whether a container does not see what lies at a path in its worktree, or cannot put another repository there.
func covered(c container.Container, path string) bool {
	for _, m := range c.Mounts {
		if m.Target == c.Worktree || !inside(c.Worktree, m.Target) {
			continue
		}
		if m.Source != m.Target && inside(m.Target, path) || m.ReadOnly && m.Target == filepath.Join(path, ".git") {
			return true
		}
	}
	return false
}
