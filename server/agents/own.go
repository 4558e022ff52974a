package agents

import (
	"context"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// own gives the folders at and below a folder to the user, by the engine: what root made in a container is root's on the host.
func (m *Manager) own(ctx context.Context, dir string) error {
	eng, err := m.engines.get(ctx)
	if err != nil {
		return err
	}
	helper, err := eng.shim(ctx)
	if err != nil {
		return err
	}
	return eng.Own(ctx, dir, m.user(eng), helper)
}

// deletable does of an instance's removal what may fail, and destroys nothing. tree is its worktree, if that goes too.
func (m *Manager) deletable(ctx context.Context, p place, tree string) error {
	for _, dir := range []string{tree, p.dir()} {
		if dir == "" {
			continue
		}
		if err := workspace.Deletable(ctx, dir, m.own); err != nil {
			return wrap(err, CodeWorktreeFailed)
		}
	}
	return nil
}
