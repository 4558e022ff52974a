package agents

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/server/builds"
)

// tidyTimeout bounds the removal of superseded images; what it did not get to is for the next time.
const tidyTimeout = 20 * time.Second

// tidy removes the images of our builds that newer ones took the last name from, and that nothing uses. What could not be removed, or
// was left by a process that was killed, the next one removes. While somebody works on an instance nothing is removed: its image
// may have no container yet, and who works tidies in the end.
func (m *Manager) tidy(ctx context.Context, eng *engine) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	if m.anyBusy() {
		return
	}
	old, err := m.superseded(ctx, eng)
	if err != nil || len(old) == 0 || m.anyBusy() {
		return
	}
	gone := false
	for _, id := range old {
		removed, err := eng.images.Delete(ctx, id)
		if err != nil {
			m.log.Warn("cannot remove a superseded image", zap.String("image", id), zap.Error(err))
		}
		gone = gone || removed
	}
	if gone {
		m.forget(ctx, eng)
	}
}

// superseded are the ids of images without a name that we built. One that a classic builder made keeps its parents, which are the cache
// of the next build and may be another's: those are for prune.
func (m *Manager) superseded(ctx context.Context, eng *engine) ([]string, error) {
	held, err := eng.images.Held(ctx)
	if err != nil {
		return nil, err
	}
	ours, err := m.ours(eng)
	if err != nil {
		return nil, err
	}
	held = slices.DeleteFunc(held, func(h images.Held) bool {
		n, known := ours.ids[h.ID]
		return !known || n.Kind != images.KindDockerfile || n.Ref != "" || h.Parent != "" || len(h.Names)+len(h.Digests) > 0
	})
	if len(held) == 0 {
		return nil, nil
	}
	used, err := eng.ImagesInUse(ctx)
	if err != nil {
		return nil, err
	}
	kept := m.store().Kept()
	var ids []string
	for _, h := range held {
		if !used[h.ID] && !kept[h.ID] {
			ids = append(ids, h.ID)
		}
	}
	return ids, nil
}

// anyBusy reports whether somebody changes an instance right now.
func (m *Manager) anyBusy() bool {
	all, err := m.places()
	return err != nil || slices.ContainsFunc(all, m.busy)
}

// adopt remembers what the last build of a unit left under our names, where that build was killed: it may not have come to that.
func (m *Manager) adopt(ctx context.Context, eng *engine, last builds.Result, u builds.Unit) {
	if last.State != builds.Running {
		return
	}
	for _, tag := range u.Tags {
		if img, err := eng.images.Inspect(ctx, tag); err == nil {
			img.Source = u.Source
			m.broughtIn(ctx, eng, img, "")
		}
	}
}
