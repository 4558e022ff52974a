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
	list, err := f.m.list(ctx, ListArgs{Workspace: u.Repo}, f.m.engines.passive)
	if err != nil {
		return
	}
	r, err := f.m.open(ctx, u.Repo)
	if err != nil {
		return
	}
	config, _, err := f.m.config(r)
	if err != nil || config.Recreate == "never" {
		return
	}
	if old := f.fresher(list.Instances, u); len(old) > 0 {
		f.work.Go(func() { f.recreate(old, config.Recreate == "auto") })
	}
}

// fresher picks the instances that run on an older image of the unit and have not been asked about for this one.
func (f *follow) fresher(all []Instance, u builds.Unit) []Instance {
	rec := f.m.store().Read(u.Key())
	f.mu.Lock()
	defer f.mu.Unlock()
	var old []Instance
	for _, i := range all {
		if i.State != StateRunning || !i.Image.Stale || i.Image.Dockerfile != u.Source.Dockerfile || f.asked[i.Container.Name] == rec.Latest.Image {
			continue
		}
		f.asked[i.Container.Name] = rec.Latest.Image
		old = append(old, i)
	}
	return old
}

func (f *follow) recreate(stale []Instance, unasked bool) {
	ctx, cancel := context.WithCancel(f.life)
	defer cancel()
	if !unasked && !f.h.Recreate(ctx, stale) {
		return
	}
	f.recreating.Lock()
	defer f.recreating.Unlock()
	for _, i := range stale {
		if !f.stillStale(ctx, i) {
			continue
		}
		fb, end := f.h.Begin(ctx, cancel, "Recreating "+i.Branch)
		_, err := f.m.recreate(ctx, RecreateArgs{Workspace: i.Repo, Branch: i.Branch}, true, fb)
		end(err)
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
