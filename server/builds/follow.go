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

const (
	quiet     = 100 * time.Millisecond // after the last change of a burst
	patience  = time.Second            // for a burst that does not end
	grace     = 150 * time.Millisecond // for a Dockerfile that is missing or empty: somebody may be writing it
	pollEvery = time.Second            // where the system gives no more watches
	retry     = 3 * time.Second        // after a build that no engine took
	most      = 2                      // builds at once
)

// ErrNoEngine is what Follower.Build returns when there was nobody to build: it is tried again.
var ErrNoEngine = errors.New("no container engine")

// Plan is what there is to build now.
type Plan struct {
	Units []Unit
	Files []string // absolute; a change of one of them makes another plan
}

// Follower builds units when what they read has changed. What is there when it begins counts as built: nothing is built
// because a folder was opened.
type Follower struct {
	Store *Store
	Plan  func(context.Context) Plan
	// Build builds a unit whose input is new, or answers from an image that came of the same input, and tells of it.
	Build func(ctx context.Context, u Unit, input string) error
	// Told is called with the key of a unit whose record changed, by this process or by another.
	Told func(key string)
	// Note is called once when changes are to be looked for instead of being told of.
	Note func(message string)
	// Saves are files that an editor saved; on some file systems nobody else tells.
	Saves <-chan string
	Log   *zap.Logger
}

// Run follows until ctx is done, and then waits for its builds. A kick makes another plan.
func (f *Follower) Run(ctx context.Context, kicks <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	w := workspace.NewWatcher()
	l := &loop{
		f: f, w: w, units: map[string]*state{}, done: make(chan outcome), slots: make(chan struct{}, most),
		dropped: map[string]string{}, owner: map[string]string{}, pending: workspace.Changes{Paths: map[string]bool{}}, timer: time.NewTimer(0),
	}
	defer func() {
		cancel()
		l.drain()
		_ = w.Close()
		l.timer.Stop()
	}()
	l.replan = true
	for {
		select {
		case <-ctx.Done():
			return
		case <-kicks:
			l.replan = true
			l.arm(quiet)
		case c := <-w.Changes():
			l.note(c)
		case path := <-f.Saves:
			l.note(workspace.Changes{Paths: map[string]bool{path: true}})
		case <-l.timer.C:
			l.settle(ctx)
		case o := <-l.done:
			l.ended(ctx, o)
		}
	}
}

// state is a unit that is followed.
type state struct {
	unit    Unit
	inputs  *images.Inputs
	seen    string // the input that was last decided on
	want    string // the input to build when the build in flight has ended
	job     *job
	all     bool   // anything may have changed
	force   bool   // build whatever was seen: the unit came into being before our eyes, or nobody could build it
	confirm string // what was built, when it has to be seen that it did not change meanwhile
	absent  int    // looks in a row that found no Dockerfile
	folders []string
}

type job struct {
	input  string
	cancel context.CancelFunc
	over   bool // canceled by a newer change
}

type outcome struct {
	key string
	job *job
	err error
}

// loop is the one goroutine that decides.
type loop struct {
	f       *Follower
	w       *workspace.Watcher
	units   map[string]*state
	dropped map[string]string // what was seen last of units that are not followed any more
	owner   map[string]string // by tag: the key of the unit it was last for
	files   map[string]bool   // of the plan
	begun   bool              // there was a plan before
	done    chan outcome
	slots   chan struct{}
	flying  int

	pending workspace.Changes
	replan  bool
	since   time.Time // of the first change that has not settled
	timer   *time.Timer
	cost    time.Duration // of the last look
	polling bool
}

// arm looks again after d, but not later than a burst may last.
func (l *loop) arm(d time.Duration) {
	now := time.Now()
	if l.since.IsZero() {
		l.since = now
	}
	if left := l.since.Add(max(patience, 10*l.cost)).Sub(now); d > left {
		d = max(left, 0)
	}
	l.timer.Reset(d)
}

func (l *loop) note(c workspace.Changes) {
	l.pending.All = l.pending.All || c.All
	relevant := c.All
	for p := range c.Paths {
		if key := l.f.Store.KeyOf(p); key != "" {
			l.f.Told(key)
			continue
		}
		if filepath.Dir(p) == l.f.Store.Dir {
			continue
		}
		l.pending.Paths[p] = true
		relevant = true
	}
	if relevant {
		l.arm(max(quiet, l.cost))
	}
}

// settle looks at what changed, and decides.
func (l *loop) settle(ctx context.Context) {
	start := time.Now()
	changes := l.pending
	l.pending = workspace.Changes{Paths: map[string]bool{}}
	l.since = time.Time{}
	again := time.Duration(0)
	if l.polling {
		changes.All, again = true, max(pollEvery, 10*l.cost)
	}
	if l.replan || changes.All || l.planned(changes.Paths) {
		l.makePlan(ctx, changes.All || l.planned(changes.Paths))
	}
	for key, s := range l.units {
		if d := l.look(ctx, key, s, changes); d > 0 && (again == 0 || d < again) {
			again = d
		}
	}
	if l.watch() && again == 0 {
		again = time.Millisecond
	}
	if l.cost = time.Since(start); again > 0 {
		l.arm(again)
	}
}

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
		l.files[f] = true
	}
	now := map[string]bool{}
	for _, u := range plan.Units {
		key := u.Key()
		now[key] = true
		s := l.units[key]
		if s == nil {
			s = &state{all: true, seen: l.dropped[key]}
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
			l.dropped[key] = s.seen
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
	if s.confirm == sum {
		if err := l.f.Store.Confirm(ctx, key, sum); err != nil {
			l.f.Log.Debug("facts of a build", zap.Error(err))
		}
	}
	s.confirm = ""
	if first {
		s.seen = sum
		return 0
	}
	if sum == s.seen && !s.force {
		return 0
	}
	s.seen, s.force = sum, false
	l.decide(ctx, key, s, sum)
	return 0
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
func (l *loop) decide(ctx context.Context, key string, s *state, input string) {
	if !s.unit.Auto {
		return
	}
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
	j := &job{input: input, cancel: cancel}
	s.job, s.want = j, ""
	l.flying++
	unit := s.unit
	go func() {
		defer cancel()
		err := ctx.Err()
		select {
		case l.slots <- struct{}{}:
			err = l.f.Build(ctx, unit, input)
			<-l.slots
		case <-ctx.Done():
		}
		l.done <- outcome{key, j, err}
	}()
}

func (l *loop) ended(ctx context.Context, o outcome) {
	l.flying--
	s := l.units[o.key]
	if s == nil || s.job != o.job {
		return
	}
	s.job = nil
	if o.err == nil {
		s.confirm, s.all = o.job.input, true
		l.arm(quiet)
	}
	if s.want != "" {
		l.start(ctx, o.key, s, s.want)
		return
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
