package builds

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// look sums a unit's inputs if they may have changed. It returns when to look again, 0 for not before the next change.
func (l *loop) look(ctx context.Context, key string, s *state, c workspace.Changes) time.Duration {
	var changed []string
	switch {
	case s.all || c.All:
	default:
		if changed = s.concerned(c.Paths); len(changed) == 0 {
			return 0
		}
	}
	first := s.seen == "" && !s.force
	if halfWritten(s.unit.Source.Dockerfile) && s.absent < 3 && !first {
		s.absent++
		s.all = true
		return grace
	}
	s.absent = 0
	sum, err := s.inputs.Sum(ctx, changed)
	if s.all = err != nil; errors.Is(err, images.ErrDockerfileNotFound) || ctx.Err() != nil {
		return 0 // what comes next is compared with what was
	}
	if err != nil {
		l.f.Log.Debug("inputs of a build", zap.String("dockerfile", s.unit.Source.Dockerfile), zap.Error(err))
		return retry
	}
	s.folders = s.inputs.Folders()
	if s.confirm != "" && s.confirm == sum {
		if err := l.f.Store.Confirm(ctx, key, sum); err != nil {
			l.f.Log.Debug("facts of a build", zap.Error(err))
		}
	}
	s.confirm = ""
	came, missing := s.inputs.Came(s.missing)
	s.missing = missing
	if came && l.f.Store.Read(key).Latest.State == Failed {
		s.force = true
	}
	saved, open := s.saved, s.open
	s.saved, s.open = false, false
	if first {
		s.seen, s.settled = sum, sum
		return 0
	}
	if sum == s.seen && !s.force && (!saved || !l.refused(s.unit, sum)) && (!open || s.passed != sum) {
		s.late = saved && s.job != nil
		return 0
	}
	s.seen, s.force = sum, false
	if s.passed = ""; s.unit.Idle && !open {
		s.settled, s.passed = sum, sum
		return 0
	}
	l.decide(ctx, key, s, sum, saved)
	return 0
}

// refused reports whether a build of an input failed that nobody had asked for. The system may tell of a save before the editor
// does: then it is built again, as the user's.
func (l *loop) refused(u Unit, input string) bool {
	last := l.f.Store.Read(u.Key()).Latest
	return last.Guarded && last.State == Failed && last.Answers(u.because(input), input)
}

// because is the unit, to be built because of a sum.
func (u Unit) because(sum string) Unit {
	if !u.All {
		u.Environment = sum
	}
	return u
}

// halfWritten reports whether a file is missing or empty, as one is between the two halves of a save.
func halfWritten(path string) bool {
	fi, err := os.Stat(path)
	return err != nil || fi.Size() == 0
}

// concerned picks the changes that are in a folder of the unit's.
func (s *state) concerned(paths map[string]bool) []string {
	var all []string
	for p := range paths {
		if i, ok := slices.BinarySearch(s.folders, filepath.Dir(p)); ok && s.folders[i] == filepath.Dir(p) {
			all = append(all, p)
		} else if _, ok := slices.BinarySearch(s.folders, p); ok {
			all = append(all, p)
		}
	}
	return all
}

// decide builds an input, after the build in flight of another has ended, which it ends.
func (l *loop) decide(ctx context.Context, key string, s *state, input string, saved bool) {
	if !s.unit.Auto {
		s.settled = input
		return
	}
	s.asked = saved
	switch {
	case s.job == nil:
		l.start(ctx, key, s, input)
	case s.job.input == input && !s.job.over:
		s.want = ""
	default:
		s.stop()
		s.want = input
	}
}

func (l *loop) start(ctx context.Context, key string, s *state, input string) {
	ctx, cancel := context.WithCancel(ctx)
	j := &job{input: input, cancel: cancel, saved: s.asked}
	s.job, s.want = j, ""
	l.flying++
	unit := s.unit.because(input)
	unit.Saved = j.saved
	go func() {
		defer cancel()
		err := ctx.Err()
		select {
		case l.slots <- struct{}{}:
			err = l.f.run(ctx, unit, input)
			<-l.slots
		case <-ctx.Done():
		}
		l.done <- outcome{key, j, err}
	}()
}

// run builds a unit because of a sum. What a build of its environment reads beside that is summed only now, so that it is known
// what the image is of.
func (f *Follower) run(ctx context.Context, u Unit, because string) error {
	if u.All {
		return f.Build(ctx, u, because)
	}
	in := images.NewInputs(u.Source, u.Options)
	input, err := in.Sum(ctx, nil)
	if err != nil {
		return f.Build(ctx, u, "")
	}
	if err := f.Build(ctx, u, input); err != nil {
		return err
	}
	if now, err := in.Sum(ctx, nil); err != nil || now != input {
		return nil
	}
	if err := f.Store.Confirm(ctx, u.Key(), input); err != nil {
		f.Log.Debug("facts of a build", zap.Error(err))
	}
	return nil
}

func (l *loop) ended(ctx context.Context, o outcome) {
	l.flying--
	s := l.units[o.key]
	if s == nil || s.job != o.job {
		return
	}
	s.job = nil
	if !o.job.over && !errors.Is(o.err, ErrNoEngine) {
		s.settled = o.job.input
	}
	if o.err == nil && s.unit.All {
		s.confirm, s.all = o.job.input, true
		l.arm(quiet)
	}
	if s.want != "" {
		l.start(ctx, o.key, s, s.want)
		return
	}
	if s.late {
		s.late = false
		if !o.job.over && l.refused(s.unit, o.job.input) {
			s.asked = true
			l.start(ctx, o.key, s, o.job.input)
			return
		}
	}
	if errors.Is(o.err, ErrNoEngine) {
		s.all, s.force = true, true
		l.arm(retry)
	}
}

// drain waits for the builds in flight, which the end of the context ends.
func (l *loop) drain() {
	for l.flying > 0 {
		<-l.done
		l.flying--
	}
}

// watch watches what the units read and what the plan depends on. It reports whether there is more to watch than before,
// where a change may have been missed.
func (l *loop) watch() bool {
	want := map[string]bool{l.f.Store.Dir: true}
	for _, s := range l.units {
		for _, f := range s.folders {
			want[f] = true
		}
	}
	for f := range l.files {
		want[filepath.Dir(f)] = true
	}
	folders := make([]string, 0, len(want))
	for f := range want {
		folders = append(folders, f)
	}
	before := l.w.Added()
	err := l.w.Set(folders)
	if errors.Is(err, workspace.ErrWatchLimit) && !l.polling {
		l.polling = true
		l.f.Note("Changes of Dockerfiles are looked for every second: " + workspace.ErrWatchLimit.Error())
		return true
	}
	if l.w.Added() == before {
		return false
	}
	for key, s := range l.units {
		s.all = true
		l.f.Told(key) // also the store's folder may be one that was not watched
	}
	l.replan = true
	return true
}
