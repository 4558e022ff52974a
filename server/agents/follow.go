package agents

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/server/builds"
)

// BuildHooks are how FollowBuilds tells of what it does.
type BuildHooks struct {
	// Begin shows a build, or what follows from one, that nobody asked for. cancel ends it; end is called with how it went.
	Begin func(ctx context.Context, cancel context.CancelFunc, title string) (fb Feedback, end func(error))
	// Build is called for the builds of other processes.
	Build func(BuildEvent)
	// Facts is called when what DockerfileFacts tells of a Dockerfile may have changed.
	Facts func(dockerfile string)
	// Plan is called when the checkouts or the Dockerfiles that are followed may be others.
	Plan func()
	// Recreate asks whether stale instances are to be recreated. It may take as long as it likes. answered is false where the user
	// was not asked.
	Recreate func(ctx context.Context, stale []Instance) (yes, answered bool)
	// Note tells the user something.
	Note func(message string)
}

// SetTrusted says whether the editor trusts its folders. In others nothing is built by itself, or at all.
func (m *Manager) SetTrusted(yes bool) {
	m.untrusted.Store(!yes)
	m.changed.kick()
}

// trusted refuses what runs code of a folder that the editor does not trust.
func (m *Manager) trusted() error {
	if m.untrusted.Load() {
		return Errorf(CodeUntrustedWorkspace, "the editor does not trust this folder, and building or running it runs its code; trust the folder first")
	}
	return nil
}

// FollowBuilds builds the Dockerfiles in use when they change, until ctx is done, and then waits for what it started.
func (m *Manager) FollowBuilds(ctx context.Context, h BuildHooks) {
	kicks := make(chan struct{}, 1)
	defer m.changed.join(kicks)()
	defer m.found.join(kicks)()
	defer m.edited.join(kicks)()
	f := &follow{m: m, h: h, life: ctx, began: time.Now(), told: map[string]told{}, recreated: map[string]string{}, questions: map[string]bool{}}
	defer f.work.Wait()
	f.work.Go(func() { f.followAsked(ctx) })
	follower := builds.Follower{
		Store: m.store(), Log: m.log, Plan: f.plan, Build: f.build, Told: f.heard, Note: h.Note, Saves: m.saves,
	}
	follower.Run(ctx, kicks)
}

// follow is what FollowBuilds keeps.
type follow struct {
	m    *Manager
	h    BuildHooks
	life context.Context
	work sync.WaitGroup // recreations, which outlive the build that they follow

	began      time.Time
	recreating sync.Mutex // of two questions that are answered at once, the second finds nothing left to do

	misread []string // settings: what the user was told of them

	told map[string]told // by key: what was told last of another's build

	mu        sync.Mutex        // guards what follows
	recreated map[string]string // by instance: the image for which it was recreated by itself
	questions map[string]bool   // that are open, by the key of their unit; true looks again when it is answered
}

// told is a build and what was told of it.
type told struct {
	id    string
	event BuildEvent
}

// build builds a unit that changed.
func (f *follow) build(ctx context.Context, u builds.Unit, input string) error {
	eng, err := f.m.engines.passive(ctx)
	if err != nil {
		return builds.ErrNoEngine
	}
	since := time.Now()
	job, err := f.m.store().Begin(ctx, u)
	if err != nil {
		return err
	}
	theirs := f.settledElsewhere(ctx, eng, job, u, input, since)
	if !theirs {
		err = f.here(ctx, eng, job, u, input)
	}
	job.Close()
	if container.IsUnreachable(err) {
		f.m.noteLost(eng, err)
		return builds.ErrNoEngine
	}
	if err == nil && ctx.Err() == nil && !theirs { // whose server built it does what follows from it
		f.m.tidy(ctx, eng)
		f.stale(ctx, u)
	}
	return err
}

// settledElsewhere reports whether another process built an input, or its user refused that, while this one waited to.
func (f *follow) settledElsewhere(ctx context.Context, eng *engine, job *builds.Job, u builds.Unit, input string, since time.Time) bool {
	last := job.Latest()
	if _, own := f.m.ownBuilds.Load(last.ID); own || !last.Answers(u, input) || last.Guarded && u.Saved {
		return false
	}
	if last.State == builds.Succeeded {
		_, err := eng.images.Inspect(ctx, last.Image)
		return err == nil
	}
	return last.State == builds.Failed || last.Refused && last.Ended().After(since)
}

// here answers from what was built before, or builds.
func (f *follow) here(ctx context.Context, eng *engine, job *builds.Job, u builds.Unit, input string) error {
	done, err := f.known(ctx, eng, job, u, input)
	if done || err != nil {
		return err
	}
	return f.fresh(ctx, eng, job, u, input)
}

// known answers from what was built before: by another process just now, or of the same input at another time.
func (f *follow) known(ctx context.Context, eng *engine, job *builds.Job, u builds.Unit, input string) (bool, error) {
	last := job.Latest()
	same := input != "" && last.Input == input && (!last.Guarded || !u.Saved)
	if same && last.State == builds.Failed {
		return true, nil
	}
	image, ok := job.Known(input)
	if same && last.State == builds.Succeeded {
		image, ok = last.Image, true
	}
	if !ok {
		return false, nil
	}
	_, err := eng.images.Inspect(ctx, image)
	if err == nil {
		err = eng.images.Tag(ctx, image, u.Tags)
	}
	if errors.Is(err, images.ErrNotFound) { // or it was superseded, and removed just now
		return false, nil
	}
	if err != nil {
		return false, err
	}
	f.m.ownBuilds.Store(job.ID(), true)
	res, err := job.Answer(input, image)
	f.m.Saved(f.m.store().RecordFile(u.Key()))
	f.h.Build(BuildEvent{URI: fileURI(u.Source.Dockerfile), Branch: u.Branch, State: res.State, Image: res.Image, DurationMS: res.DurationMS})
	return true, err
}

// fresh builds, in sight of the user.
func (f *follow) fresh(ctx context.Context, eng *engine, job *builds.Job, u builds.Unit, input string) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	fb, end := f.h.Begin(ctx, func() { cancel(errRefused) }, "Building "+filepath.Base(u.Source.Dockerfile)+ofBranch(u.Branch))
	defer func() { end(err) }()
	w, err := f.allowed(ctx, u)
	if err != nil {
		return err
	}
	o := u.Options
	o.Guard = f.m.unasked(job, u, w.config)
	_, err = f.m.carryOut(ctx, eng, job, u, f.m.fenced(w, o, Feedback{}), input, fb)
	return err
}

// errRefused is why a build ended whose Cancel was pressed.
var errRefused = fmt.Errorf("refused by the user: %w", context.Canceled)

func ofBranch(branch string) string {
	if branch == "" {
		return ""
	}
	return " of " + branch
}

// allowed refuses what the repository asks of the host and the user has not allowed before: a save is no answer.
func (f *follow) allowed(ctx context.Context, u builds.Unit) (wish, error) {
	r, err := f.m.open(ctx, u.Repo)
	if err != nil {
		return wish{}, err
	}
	config, values, err := f.m.config(r)
	if err != nil {
		return wish{}, err
	}
	w := wish{repo: r, config: config, values: values}
	return w, f.m.agree(&w, Feedback{})
}

// heard is called when a unit's record changed.
func (f *follow) heard(key string) {
	rec := f.m.store().Read(key)
	if rec.Dockerfile == "" {
		f.gone(key)
		return
	}
	f.h.Facts(rec.Dockerfile)
	was := f.told[key]
	unheardOf := !f.m.follows(key) && was.event.State != builds.Running
	if _, own := f.m.ownBuilds.Load(rec.Latest.ID); own || was.id == rec.Latest.ID && was.event.State == rec.Latest.State || unheardOf {
		return
	}
	ev := BuildEvent{
		URI: fileURI(rec.Dockerfile), Branch: rec.Latest.Branch, State: rec.Latest.State,
		Image: rec.Latest.Image, DurationMS: rec.Latest.DurationMS, Error: rec.Latest.Error,
	}
	f.told[key] = told{rec.Latest.ID, ev}
	if rec.Latest.State != builds.Running && rec.Latest.Ended().Before(f.began) {
		return // of before there was anybody to tell
	}
	f.h.Build(ev)
	if rec.Latest.State != builds.Running {
		f.m.changed.kick() // instances may be stale now
	}
}

// gone is called when a unit's record went with its Dockerfile. A build that was told of ended with them.
func (f *follow) gone(key string) {
	if was := f.told[key]; was.event.State == builds.Running {
		was.event.State = builds.Canceled
		f.h.Build(was.event)
	}
	delete(f.told, key)
	f.h.Plan()
}

func (m *Manager) follows(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.followed {
		if u.Key() == key {
			return true
		}
	}
	return false
}
