package agents

import (
	"context"
	"os"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
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

// mostReached bounds the sessions that are looked after: an agent can make any number of folders.
const mostReached = 200

// reach makes the folders usable that sessions are kept in: an agent can have taken away the right to.
func (m *Manager) reach(ctx context.Context, p place) error {
	sessions := filepath.Join(p.runDir(), shim.SessionsDir)
	for _, dir := range []string{p.runDir(), sessions} {
		if err := workspace.Reach(ctx, dir, m.own); err != nil {
			return wrap(err, CodeInternal)
		}
	}
	root, err := os.OpenRoot(p.runDir())
	if err != nil {
		return nil // the instance is new
	}
	defer root.Close()
	all, _ := distrust.ReadDir(ctx, root, shim.SessionsDir, mostReached)
	for _, e := range all {
		if !e.IsDir() {
			continue
		}
		if err := workspace.Reach(ctx, filepath.Join(sessions, e.Name()), m.own); err != nil {
			return wrap(err, CodeInternal)
		}
	}
	return nil
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
