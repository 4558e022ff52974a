package builds

import (
	"context"
	"errors"
	"path/filepath"
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
		dropped: map[string]settled{}, owner: map[string]string{}, pending: workspace.Changes{Paths: map[string]bool{}}, saved: map[string]bool{}, timer: time.NewTimer(0),
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
			l.saved[path] = true
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
	settled string // the input of the last decision that came to its end; what was cut off is decided on again
	want    string // the input to build when the build in flight has ended
	job     *job
	all     bool     // anything may have changed
	force   bool     // build whatever was seen: the unit came into being before our eyes, or nobody could build it
	confirm string   // what was built of all inputs, when it has to be seen that it did not change meanwhile
	absent  int      // looks in a row that found no Dockerfile
	saved   bool     // what is to be decided on is because of the user's save
	open    bool     // and that was one of the Dockerfile itself: it was open
	missing []string // names of nothing, when it was looked at last
	passed  string   // what was passed over last as nobody worked with the unit
	asked   bool     // the last decision was because of the user's save
	late    bool     // the editor told of a save when what was saved was being built
	folders []string
}

type job struct {
	input  string // what it is because of
	saved  bool   // it is because of the user's save
	cancel context.CancelFunc
	over   bool // canceled by a newer change
}

type outcome struct {
	key string
	job *job
	err error
}

// settled is what was settled last of a unit.
type settled struct {
	sum string
	all bool // of all inputs
}

// loop is the one goroutine that decides.
type loop struct {
	f       *Follower
	w       *workspace.Watcher
	units   map[string]*state
	dropped map[string]settled // of units that are not followed any more
	owner   map[string]string  // by tag: the key of the unit it was last for
	files   map[string]bool    // of the plan
	begun   bool               // there was a plan before
	done    chan outcome
	slots   chan struct{}
	flying  int

	pending workspace.Changes
	saved   map[string]bool // of the pending ones, what the user saved in an editor
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
	changes, saved := l.pending, l.saved
	l.pending, l.saved = workspace.Changes{Paths: map[string]bool{}}, map[string]bool{}
	l.since = time.Time{}
	again := time.Duration(0)
	if l.polling {
		changes.All, again = true, max(pollEvery, 10*l.cost)
	}
	if l.replan || changes.All || l.planned(changes.Paths) {
		l.makePlan(ctx, changes.All || l.planned(changes.Paths))
	}
	for key, s := range l.units {
		s.open = s.open || saved[s.unit.Source.Dockerfile]
		s.saved = s.saved || s.open || len(s.concerned(saved)) > 0
		if d := l.look(ctx, key, s, changes); d > 0 && (again == 0 || d < again) {
			again = d
		}
	}
	if l.watch() {
		again = time.Millisecond
	}
	if l.cost = time.Since(start); again > 0 {
		l.arm(again)
	}
}
