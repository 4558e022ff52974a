package agents

import (
	"context"

	"github.com/gilmanlab/hjk-ls/container"
)

// asideSuffix names the old container of an instance while recreate makes the new one.
const asideSuffix = "-old"

// observe asks the engine for the instance's container.
func (m *Manager) observe(ctx context.Context, eng *engine, p place) (container.Container, bool, error) {
	all, err := eng.List(ctx, container.ListOptions{Repo: p.Repo, Branch: p.Branch})
	if err != nil {
		return container.Container{}, false, err
	}
	c, ok := choose(all, p.name)
	return c, ok, nil
}

// settle is observe for who holds the instance exclusively: of several containers, which a recreate leaves that was cut
// off, one stays. All it had is in worktree, home and run folder.
func (m *Manager) settle(ctx context.Context, eng *engine, p place) (container.Container, bool, error) {
	all, err := eng.List(ctx, container.ListOptions{Repo: p.Repo, Branch: p.Branch})
	if err != nil {
		return container.Container{}, false, err
	}
	best, ok := choose(all, p.name)
	for _, c := range all {
		if c.ID == best.ID {
			continue
		}
		if err := eng.Remove(ctx, c.ID); err != nil {
			return best, ok, err
		}
	}
	return best, ok, nil
}

// choose picks an instance's container among those that carry its labels: the one with its name, else one that was
// renamed, from outside or by a recreate that was cut off; of several, one that runs.
func choose(all []container.Container, name string) (container.Container, bool) {
	best := -1
	for i, c := range all {
		switch {
		case c.Name == name:
			return c, true
		case best < 0 || c.State == "running":
			best = i
		}
	}
	if best < 0 {
		return container.Container{}, false
	}
	return all[best], true
}
