package builds

import (
	"context"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// Anything is the name of a file of a Plan that stands for every name in its folder.
const Anything = "*"

func (l *loop) planned(paths map[string]bool) bool {
	for p := range paths {
		if l.files[p] || l.files[filepath.Join(filepath.Dir(p), Anything)] {
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
			was := l.dropped[key]
			s = &state{all: true, seen: was.sum, settled: was.sum}
			s.force = l.begun && seen && (s.seen == "" || !l.owns(key, u))
			if was.all != u.All { // another sum, of which it is not known what it was
				s.seen, s.settled = "", ""
			}
			l.units[key] = s
		}
		for _, t := range u.Tags {
			l.owner[t] = key
		}
		if s.inputs == nil || !sameBuild(s.unit, u) || s.unit.All != u.All {
			s.look(ctx, u)
		}
		if s.unit = u; !u.Auto {
			s.stop()
		}
	}
	for key, s := range l.units {
		if !now[key] {
			s.stop()
			delete(l.units, key)
			l.dropped[key] = settled{s.settled, s.unit.All}
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

// look begins to look at what is to begin builds of a unit. Where that is something else than before, the two sums cannot be compared:
// what is there counts as built, unless something changed by what counted until now.
func (s *state) look(ctx context.Context, u Unit) {
	if s.inputs != nil && s.unit.All != u.All {
		sum, err := s.inputs.Sum(ctx, nil)
		s.force = s.force || s.seen != "" && (!sameBuild(s.unit, u) || err == nil && sum != s.seen)
		s.seen, s.settled, s.confirm = "", "", ""
	}
	s.inputs, s.all = images.NewEnvironment(u.Source, u.Options), true
	if u.All {
		s.inputs = images.NewInputs(u.Source, u.Options)
	}
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
