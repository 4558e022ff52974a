package agents

import (
	"context"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// orphan finds an instance whose repository is gone, by the folder the repository had.
func (m *Manager) orphan(a RemoveArgs) (place, bool) {
	m.mu.Lock()
	folders := m.folders
	m.mu.Unlock()
	if a.Workspace != "" {
		path, err := localPath(a.Workspace)
		if err != nil {
			return place{}, false
		}
		folders = []string{path}
	}
	all, err := m.places()
	if err != nil {
		m.log.Warn("cannot read the state folders", zap.Error(err))
	}
	for _, p := range all {
		for _, f := range folders {
			if p.Branch == a.Branch && p.Repo == filepath.Clean(f) {
				return p, true
			}
		}
	}
	return place{}, false
}

// removeOrphan removes an instance whose repository is gone. What its worktree holds cannot be told from what the
// repository held, so a worktree that is there goes only by force, as do commits that the repository is not known to have had.
func (m *Manager) removeOrphan(ctx context.Context, a RemoveArgs, p place, fb Feedback) (RemoveResult, error) {
	eng, err := m.engines.get(ctx)
	if err != nil {
		return RemoveResult{}, err
	}
	l, err := lockExclusive(ctx, p.lock())
	if err != nil {
		return RemoveResult{}, wrap(err, CodeInternal)
	}
	defer m.release(l, p)
	c, ok, err := m.observe(ctx, eng, p)
	if err != nil {
		return RemoveResult{}, m.failed(eng, err)
	}
	tree := m.deadWorktree(c.Worktree, p)
	u, err := workspace.Forlorn(ctx, p.gitDir(), c.Worktree)
	if err != nil {
		return RemoveResult{}, wrap(err, CodeInternal)
	}
	if tree != "" {
		u.Untracked = append(u.Untracked, "what is in "+tree)
	}
	if a.DryRun && u.Lost() {
		return RemoveResult{Lost: "  its repository is gone, so what is saved elsewhere cannot be told\n" + u.String()}, nil
	}
	if a.DryRun {
		return RemoveResult{}, nil
	}
	if u.Lost() && !a.Force {
		return RemoveResult{}, Errorf(CodeWorktreeDirty, "the repository %s is gone, so what is saved elsewhere cannot be told; this would be lost:\n%s\nlook there, then remove it with --force", p.Repo, u)
	}
	if err := m.deletable(ctx, p, tree); err != nil {
		return RemoveResult{}, err
	}
	if ok {
		fb.step("removing " + c.Name)
	}
	ctx = context.WithoutCancel(ctx)
	if err := m.discard(ctx, eng, p); err != nil {
		return RemoveResult{}, m.failed(eng, err)
	}
	if tree != "" {
		if err := workspace.Delete(ctx, tree, m.own); err != nil {
			return RemoveResult{}, wrap(err, CodeWorktreeFailed)
		}
	}
	m.changed.kick()
	m.prune()
	return RemoveResult{Removed: true}, wrap(p.remove(m.own), CodeInternal)
}

// deadWorktree is the folder that hjk-ls made for the instance as a worktree, when it is still there: its name tells it
// from a checkout of somebody's own.
func (m *Manager) deadWorktree(path string, p place) string {
	if filepath.Base(path) != p.name {
		return ""
	}
	if _, err := os.Lstat(path); err != nil {
		return ""
	}
	return path
}
