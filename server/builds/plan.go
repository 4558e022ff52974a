package builds

import (
	"context"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/workspace"
)

func (l *loop) planned(paths map[string]bool) bool {
	for p := range paths {
		if l.files[p] {
			return true
		}
	}
	return false
}

// makePlan follows what is to be built now. seen tells that a change of a file led here: then a unit that is new is one
// that somebody just wrote, or switched to.
func (l *loop) makePlan(ctx context.Context, seen bool) {
	plan := l.f.Plan(ctx)
	if ctx.Err() != nil {
		return
	}
	l.replan = false
	l.files = map[string]bool{}
	for _, f := range plan.Files {
		for _, hop := range workspace.Hops(f) {
			l.files[hop] = true
		}
	}
	now := map[string]bool{}
	for _, u := range plan.Units {
		key := u.Key()
		now[key] = true
		s := l.units[key]
		if s == nil {
			s = &state{all: true, seen: l.dropped[key], settled: l.dropped[key]}
			s.force = l.begun && seen && (s.seen == "" || !l.owns(key, u))
			l.units[key] = s
		}
		for _, t := range u.Tags {
			l.owner[t] = key
		}
		if s.inputs == nil || !sameBuild(s.unit, u) {
			s.inputs, s.all = images.NewInputs(u.Source, u.Options), true
		}
		if s.unit = u; !u.Auto {
			s.stop()
		}
	}
	for key, s := range l.units {
		if !now[key] {
			s.stop()
			delete(l.units, key)
			l.dropped[key] = s.settled
		}
	}
	l.begun = true
}

// owns reports whether the names of a unit's image still are those of its own.
func (l *loop) owns(key string, u Unit) bool {
	for _, t := range u.Tags {
		if l.owner[t] != key {
			return false
		}
	}
	return true
}

func sameBuild(a, b Unit) bool {
	x, y := a.Options, b.Options
	return a.Source == b.Source && x.Target == y.Target && x.Platform == y.Platform && equalMaps(x.Args, y.Args) && equalMaps(x.Labels, y.Labels)
}

func equalMaps(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

func (s *state) stop() {
	s.want = ""
	if s.job != nil {
		s.job.over = true
		s.job.cancel()
	}
}
