package agents

import (
	"context"
	"time"

	"github.com/containerd/errdefs"

	"github.com/gilmanlab/hjk-ls/container"
)

// containers are those of an instance. One whose state is elsewhere is an error.
func (m *Manager) containers(ctx context.Context, eng *engine, p place) ([]container.Container, error) {
	all, err := eng.List(ctx, container.ListOptions{Repo: p.Repo, Branch: p.Branch})
	if err != nil {
		return nil, err
	}
	return all, p.here(all)
}

// observe asks the engine for the instance's container.
func (m *Manager) observe(ctx context.Context, eng *engine, p place) (container.Container, bool, error) {
	all, err := m.containers(ctx, eng, p)
	c, ok := choose(all, p)
	return c, ok, err
}

// settle is observe for who holds the instance exclusively: of several containers, which an exchange leaves that was cut off, one
// stays, with the instance's name. What ran before, restore brings back.
//
// The engine may still be at the making or the removal of one that a killed process asked for, which has the name and is in no list yet (Docker 28).
func (m *Manager) settle(ctx context.Context, eng *engine, p place) (container.Container, bool, error) {
	for end := time.Now().Add(settleTime); ; {
		best, ok, err := m.settleOnce(ctx, eng, p)
		if !errdefs.IsConflict(err) || time.Now().After(end) {
			return best, ok, err
		}
		select {
		case <-ctx.Done():
			return best, ok, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// settleTime is far above what an engine needs to make or remove a container.
const settleTime = 20 * time.Second

func (m *Manager) settleOnce(ctx context.Context, eng *engine, p place) (container.Container, bool, error) {
	all, err := m.containers(ctx, eng, p)
	if err == nil {
		all, err = eng.outlast(ctx, all)
	}
	if err != nil {
		return container.Container{}, false, err
	}
	best, ok := choose(all, p)
	for _, c := range all {
		if c.ID == best.ID {
			continue
		}
		if err := eng.Remove(ctx, c.ID); err != nil {
			return best, ok, err
		}
	}
	if ok && best.Name == p.name+asideSuffix {
		if err := eng.Rename(ctx, best.ID, p.name); err != nil {
			return best, ok, err
		}
		best.Name = p.name
	}
	return best, ok, nil
}

// outlast waits for the end of removals that the engine is at, as when who asked for one was killed, and leaves those containers out.
func (eng *engine) outlast(ctx context.Context, all []container.Container) (there []container.Container, err error) {
	for _, c := range all {
		if c.State != "removing" {
			there = append(there, c)
			continue
		}
		if err := eng.Remove(ctx, c.ID); err != nil {
			return nil, err
		}
	}
	return there, nil
}

// choose picks an instance's container among those that carry its labels: the one with its name, unless that was to take the place
// of another and does not; else one that was renamed, from outside or to stand aside; of several, one that runs.
func choose(all []container.Container, p place) (container.Container, bool) {
	own, other := -1, -1
	for i, c := range all {
		switch {
		case c.Name == p.name:
			own = i
		case other < 0 || c.State == "running":
			other = i
		}
	}
	switch {
	case own < 0 && other < 0:
		return container.Container{}, false
	case own < 0, other >= 0 && !stands(all[own], p):
		return all[other], true
	}
	return all[own], true
}

// stands reports whether a container has taken the place of the one that stands aside.
func stands(c container.Container, p place) bool {
	_, exchanging := p.exchanged()
	return runs(c) || c.State != "created" && !exchanging
}
