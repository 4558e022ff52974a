package agents

import (
	"context"
	"errors"
	"path/filepath"
	"sync"

	"go.uber.org/zap"

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
	// Plan is called when the checkouts that are followed may be others.
	Plan func()
	// Recreate asks whether stale instances are to be recreated. It may take as long as it likes.
	Recreate func(ctx context.Context, stale []Instance) bool
	// Note tells the user something once.
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
	f := &follow{m: m, h: h, life: ctx, told: map[string]string{}, asked: map[string]string{}}
	defer f.work.Wait()
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

	told map[string]string // by key: the last state told of another's build

	mu    sync.Mutex
	asked map[string]string // by instance: the image it was last asked for
}

// build builds a unit that changed.
func (f *follow) build(ctx context.Context, u builds.Unit, input string) error {
	eng, err := f.m.engines.passive(ctx)
	if err != nil {
		return builds.ErrNoEngine
	}
	job, err := f.m.store().Begin(ctx, u)
	if err != nil {
		return err
	}
	done, err := f.known(ctx, eng, job, u, input)
	if !done && err == nil {
		err = f.fresh(ctx, eng, job, u, input)
	}
	job.Close()
	if container.IsUnreachable(err) {
		f.m.noteLost(eng, err)
		return builds.ErrNoEngine
	}
	if err == nil && ctx.Err() == nil {
		f.stale(ctx, u)
	}
	return err
}

// known answers from what was built before: by another process just now, or of the same input at another time.
func (f *follow) known(ctx context.Context, eng *engine, job *builds.Job, u builds.Unit, input string) (bool, error) {
	last := job.Latest()
	if last.Input == input && last.State == builds.Failed {
		return true, nil
	}
	image, ok := job.Known(input)
	if last.Input == input && last.State == builds.Succeeded {
		image, ok = last.Image, true
	}
	if !ok {
		return false, nil
	}
	if _, err := eng.images.Inspect(ctx, image); err != nil {
		if errors.Is(err, images.ErrNotFound) {
			return false, nil
		}
		return false, err
	}
	if err := eng.images.Tag(ctx, image, u.Tags); err != nil {
		return false, err
	}
	if _, own := f.m.ownBuilds.Load(last.ID); last.Input == input && !own {
		return true, nil // of another process: its record has told of it
	}
	f.m.ownBuilds.Store(job.ID(), true)
	res, err := job.Answer(input, image)
	f.m.Saved(f.m.store().RecordFile(u.Key()))
	f.h.Build(BuildEvent{URI: fileURI(u.Source.Dockerfile), Branch: u.Branch, State: res.State, Image: res.Image, DurationMS: res.DurationMS})
	return true, err
}

// fresh builds, in sight of the user.
func (f *follow) fresh(ctx context.Context, eng *engine, job *builds.Job, u builds.Unit, input string) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fb, end := f.h.Begin(ctx, cancel, "Building "+filepath.Base(u.Source.Dockerfile)+ofBranch(u.Branch))
	defer func() { end(err) }()
	if err := f.allowed(ctx, u); err != nil {
		return err
	}
	_, err = f.m.carryOut(ctx, eng, job, u, u.Options, input, fb)
	return err
}

func ofBranch(branch string) string {
	if branch == "" {
		return ""
	}
	return " of " + branch
}

// allowed refuses what the repository asks of the host and the user has not allowed before: a save is no answer.
func (f *follow) allowed(ctx context.Context, u builds.Unit) error {
	r, err := f.m.open(ctx, u.Repo)
	if err != nil {
		return err
	}
	config, values, err := f.m.config(r)
	if err != nil {
		return err
	}
	return f.m.allowHostAccess(wish{repo: r, config: config, values: values}, Feedback{})
}

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
	for _, i := range stale {
		fb, end := f.h.Begin(ctx, cancel, "Recreating "+i.Branch)
		_, err := f.m.Recreate(ctx, RecreateArgs{Workspace: i.Repo, Branch: i.Branch}, fb)
		end(err)
		if err != nil {
			f.m.log.Warn("recreate", zap.String("branch", i.Branch), zap.Error(err))
		}
	}
}

// heard is called when a unit's record changed.
func (f *follow) heard(key string) {
	rec := f.m.store().Read(key)
	if rec.Dockerfile == "" {
		return
	}
	f.h.Facts(rec.Dockerfile)
	if _, own := f.m.ownBuilds.Load(rec.Latest.ID); own || f.told[key] == rec.Latest.ID+rec.Latest.State || !f.m.follows(key) {
		return
	}
	f.told[key] = rec.Latest.ID + rec.Latest.State
	f.h.Build(BuildEvent{
		URI: fileURI(rec.Dockerfile), Branch: rec.Latest.Branch, State: rec.Latest.State,
		Image: rec.Latest.Image, DurationMS: rec.Latest.DurationMS, Error: rec.Latest.Error,
	})
	if rec.Latest.State != builds.Running {
		f.m.changed.kick() // instances may be stale now
	}
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
