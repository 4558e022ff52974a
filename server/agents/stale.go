package agents

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/server/builds"
)

// stale does with the instances of a unit's older image what the settings say.
func (f *follow) stale(ctx context.Context, u builds.Unit) {
	f.m.changed.kick()
	r, err := f.m.open(ctx, u.Repo)
	if err != nil {
		return
	}
	config, _, err := f.m.config(r)
	switch {
	case err != nil || config.Recreate == "never":
	case config.Recreate == "auto":
		if old := f.fresher(f.older(ctx, u), u); len(old) > 0 {
			f.work.Go(func() { f.recreate(old) })
		}
	default:
		f.question(u)
	}
}

// older are the instances that run on an older image of the unit.
func (f *follow) older(ctx context.Context, u builds.Unit) []Instance {
	list, err := f.m.list(ctx, ListArgs{Workspace: u.Repo}, f.m.engines.passive)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(list.Instances, func(i Instance) bool {
		return i.State != StateRunning || !i.Image.Stale || i.Image.Dockerfile != u.Source.Dockerfile
	})
}

// fresher picks the instances that were not recreated for the unit's image yet.
func (f *follow) fresher(all []Instance, u builds.Unit) []Instance {
	image := f.m.newest(u)
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(all, func(i Instance) bool {
		done := f.recreated[i.Container.Name] == image
		f.recreated[i.Container.Name] = image
		return done
	})
}

// newest is the id of the image that was built of a unit last.
func (m *Manager) newest(u builds.Unit) string {
	if built := m.store().Read(u.Key()).Built; built != nil {
		return built.Image
	}
	return ""
}

func (f *follow) recreate(stale []Instance) {
	ctx, cancel := context.WithCancel(f.life)
	defer cancel()
	f.recreating.Lock()
	defer f.recreating.Unlock()
	for _, i := range stale {
		if !f.stillStale(ctx, i) {
			continue
		}
		fb, end := f.h.Begin(ctx, cancel, "Recreating "+i.Branch)
		res, err := f.m.recreate(ctx, RecreateArgs{Workspace: i.Repo, Branch: i.Branch}, true, fb)
		end(err)
		for _, w := range res.Warnings {
			f.h.Note(i.Branch + ": " + w)
		}
		if err != nil {
			f.m.log.Warn("recreate", zap.String("branch", i.Branch), zap.Error(err))
		}
	}
}

// stillStale looks again: the answer may have taken its time.
func (f *follow) stillStale(ctx context.Context, was Instance) bool {
	list, err := f.m.list(ctx, ListArgs{Workspace: was.Repo}, f.m.engines.passive)
	return err == nil && slices.ContainsFunc(list.Instances, func(i Instance) bool {
		return i.Branch == was.Branch && i.State == StateRunning && i.Image.Stale
	})
}

// followAsked does after builds that somebody asked for what is done after those that nobody did.
func (f *follow) followAsked(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case u := <-f.m.asked:
			f.stale(ctx, u)
		}
	}
}
