package agents

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// errNoContainer is why a worktree in a container cannot be looked into.
var errNoContainer = errors.New("its container is gone, and what its home holds cannot be told")

// inner adds to u what would be lost with the worktrees and repositories that an agent made beside its worktree. id is that of its
// container, "" for none.
func (m *Manager) inner(ctx context.Context, eng *engine, priv *workspace.Private, id string, u *workspace.Unsaved) error {
	outside, err := priv.Inner(ctx, u)
	if err != nil {
		return err
	}
	return m.outside(ctx, eng, priv, id, outside, u)
}

// outside adds what is not committed in worktrees that are in the container alone.
func (m *Manager) outside(ctx context.Context, eng *engine, priv *workspace.Private, id string, all []workspace.Outside, u *workspace.Unsaved) error {
	for _, o := range all {
		err := errNoContainer
		if id != "" {
			_, err = eng.Archive(ctx, id, o.Path, func(files io.Reader) error { return priv.Outside(ctx, u, o, files) })
		}
		if ctx.Err() != nil || container.IsUnreachable(err) {
			return err
		}
		if err != nil {
			u.Untracked = append(u.Untracked, fmt.Sprintf("%s (a worktree in the container, which cannot be looked into: %v)", o.Path, err))
		}
	}
	return nil
}

// lostWith tells what is not committed in worktrees that the agent made in the container's own file system, which goes with it.
func (m *Manager) lostWith(ctx context.Context, eng *engine, priv *workspace.Private, p place, c container.Container) (u workspace.Unsaved, err error) {
	defer priv.EndInner()
	all, err := priv.Beyond(ctx)
	if err != nil {
		return u, err
	}
	all = slices.DeleteFunc(all, func(o workspace.Outside) bool {
		rel, err := filepath.Rel(c.Labels[container.LabelHome], o.Path)
		return c.Labels[container.LabelHome] != "" && err == nil && filepath.IsLocal(rel)
	})
	if len(all) == 0 {
		return u, nil
	}
	m.synced(ctx, priv, p, priv.Sync) // they are compared with what is committed there
	return u, m.outside(ctx, eng, priv, c.ID, all, &u)
}
