package agents

import (
	"context"
	"regexp"
	"slices"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/images"
)

// ours tells which images hjk-ls made or fetched for this user: by the ledger, as long as only names that hjk-ls gives, or
// pulled, are on them.
type ours struct {
	ids  map[string]broughtIn
	refs []broughtIn     // that were pulled
	next map[string]bool // names of what instances take when they are recreated
}

func (m *Manager) ours(eng *engine) (ours, error) {
	o := ours{ids: map[string]broughtIn{}, next: map[string]bool{}}
	all, err := m.places()
	if err != nil {
		return o, err
	}
	for _, p := range all {
		o.next[p.tag()] = true
	}
	for _, n := range m.ledger().read() {
		if n.Engine != eng.Info().Host {
			continue
		}
		o.ids[n.ID] = n
		if n.Ref != "" {
			o.refs = append(o.refs, n)
		}
	}
	return o, nil
}

// ownTag is what place.tag gives: a slug and twelve digits of a hash.
var ownTag = regexp.MustCompile(`^headjack/.*[0-9a-f]{12}:latest$`)

// names are what has to be taken away for the image to go. There are none when the image, or one of its names, is
// somebody else's, or an instance's next image.
func (o ours) names(h images.Held) []string {
	if _, known := o.ids[h.ID]; !known { // such as another user's of the same engine
		return nil
	}
	for _, name := range h.Names {
		if o.next[name] || !ownTag.MatchString(name) && !o.pulled(h, name) {
			return nil
		}
	}
	alone := h.Untagged() // by its id the engine does not remove an image that has several of them
	for _, digest := range alone {
		if !o.pulledFrom(h, digest) {
			return nil
		}
	}
	if all := slices.Concat(h.Names, alone); len(all) > 0 {
		return all
	}
	return []string{h.ID}
}

// pulledFrom reports whether an image was pulled by us from the repository that digest names.
func (o ours) pulledFrom(h images.Held, digest string) bool {
	for _, n := range o.refs {
		if n.ID == h.ID && images.SameRepository(n.Ref, digest) {
			return true
		}
	}
	return false
}

func (o ours) pulled(h images.Held, name string) bool {
	for _, n := range o.refs {
		if n.ID == h.ID && (images.Held{Names: []string{name}}).NamedBy(n.Ref) {
			return true
		}
	}
	return false
}

func (o ours) kind(h images.Held) string { return string(o.ids[h.ID].Kind) }

// Prune removes the images that hjk-ls brought into the engine and that no container uses. What is built or pulled at
// the same time by a run that has no container yet is brought in again by that run.
func (m *Manager) Prune(ctx context.Context, a PruneArgs, fb Feedback) (PruneResult, error) {
	eng, err := m.engines.get(ctx)
	if err != nil {
		return PruneResult{}, err
	}
	s, err := m.stock(ctx, eng)
	if err != nil {
		return PruneResult{}, m.failed(eng, err)
	}
	res := PruneResult{Images: []StockedImage{}, DryRun: a.DryRun}
	if res.Caches, err = m.pruneCaches(ctx, eng, a, fb); err != nil {
		return res, m.failed(eng, err)
	}
	for _, i := range s.images {
		if !i.Unused {
			continue
		}
		if !a.DryRun {
			fb.step("removing image " + i.title())
			if gone, err := m.drop(ctx, eng, i); err != nil {
				return res, m.failed(eng, err)
			} else if !gone {
				continue // a container of it was made meanwhile
			}
		}
		res.Images = append(res.Images, i.StockedImage)
		res.SizeBytes += i.SizeBytes
	}
	if !a.DryRun {
		m.forget(ctx, eng)
		m.changed.kick()
	}
	return res, nil
}

func (i stocked) title() string {
	if len(i.Names) > 0 {
		return i.Names[0]
	}
	return i.ID
}

func (m *Manager) drop(ctx context.Context, eng *engine, i stocked) (bool, error) {
	for _, name := range i.drop {
		if gone, err := eng.images.Delete(ctx, name); err != nil || !gone {
			return false, err
		}
	}
	return true, nil
}

// forget takes what the engine no longer holds out of the ledger.
func (m *Manager) forget(ctx context.Context, eng *engine) {
	held, err := eng.images.Held(ctx)
	if err == nil {
		here := map[string]bool{}
		for _, h := range held {
			here[h.ID] = true
		}
		err = m.ledger().change(ctx, func(all []broughtIn) []broughtIn {
			kept := []broughtIn{}
			for _, n := range all {
				if n.Engine != eng.Info().Host || here[n.ID] {
					kept = append(kept, n)
				}
			}
			return kept
		})
	}
	if err != nil {
		m.log.Warn("cannot tidy the record of images", zap.Error(err))
	}
}
