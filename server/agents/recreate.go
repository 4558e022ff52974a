package agents

import (
	"context"
	"errors"
	"os"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// Recreate swaps the instance's container for one of the newest image, keeping worktree, home and logs. The image
// exists before the old container is touched, and the old one comes back when the new one does not start.
func (m *Manager) Recreate(ctx context.Context, a RecreateArgs, fb Feedback) (InstanceResult, error) {
	return m.recreate(ctx, a, false, fb)
}

// recreate is Recreate, or what follows from a build without being asked for.
func (m *Manager) recreate(ctx context.Context, a RecreateArgs, unasked bool, fb Feedback) (InstanceResult, error) {
	if err := m.trusted(); err != nil {
		return InstanceResult{}, err
	}
	t, err := m.target(ctx, a.Workspace, a.Branch)
	if err != nil {
		return InstanceResult{}, err
	}
	config, values, err := m.config(t.repo)
	if err != nil {
		return InstanceResult{}, err
	}
	w := wish{repo: t.repo, config: config, values: values, image: a.Image, allow: a.AllowPrivileges, unasked: unasked}
	if err := m.agree(&w, fb); err != nil {
		return InstanceResult{}, err
	}
	defer m.tidy(ctx, t.eng) // after the lock
	l, err := lockExclusive(ctx, t.place.lock())
	if err != nil {
		return InstanceResult{}, wrap(err, CodeInternal)
	}
	defer m.release(l, t.place)
	s := swap{m: m, target: t, fb: fb, wish: w, asked: a.Image, force: a.Force, noSetup: a.NoSetup}
	if err := s.run(ctx); err != nil {
		return InstanceResult{}, m.failed(t.eng, startError(err))
	}
	if s.setsUp {
		m.release(l, t.place) // it may take its time
		if err := s.setUp(ctx); err != nil {
			return InstanceResult{}, m.failed(t.eng, err)
		}
	}
	m.changed.kick()
	inst, err := m.instance(ctx, t.eng, t.repo, a.Branch)
	return InstanceResult{Instance: inst, Warnings: s.warnings}, err
}

// swap is one exchange of an instance's container.
type swap struct {
	m *Manager
	target
	fb    Feedback
	wish  wish
	asked string // the request's image
	force bool

	noSetup bool
	setsUp  bool // the setup runs in the new container

	wasRunning bool      // the old container
	sessions   []Session // that ran in it
	warnings   []string  // the engine's, and sessions that did not come back

	env     map[string]string // for the sessions that are started again
	resumed []string          // those that were
}

func (s *swap) run(ctx context.Context) error {
	if err := s.restore(ctx); err != nil {
		return err
	}
	old, ok, err := s.m.settle(ctx, s.eng, s.place)
	if err != nil {
		return err
	}
	if !ok {
		return Errorf(CodeInstanceNotFound, "branch %q has no container to recreate; start it with: %s", s.place.Now, hjk("run", s.place.Now))
	}
	wt, found, err := s.repo.Find(ctx, s.place.Now)
	if err != nil {
		return wrap(err, CodeWorktreeFailed)
	}
	if !found {
		return Errorf(CodeWorktreeFailed, "the worktree of branch %q is gone; %s makes it anew", s.place.Now, hjk("run", s.place.Now))
	}
	if !wt.Owned && wt.Path != old.Worktree { // the container would be one of the user's own checkout
		return Errorf(CodeOwnCheckout, "branch %q had a worktree of its own, and is checked out in %s now, a checkout of yours; to have the agent work there: %s",
			s.place.Now, wt.Path, hjk("run", s.place.Now))
	}
	if err := s.check(ctx, old, wt); err != nil {
		return err
	}
	if err := s.place.make(); err != nil {
		return err
	}
	if err := s.m.reach(ctx, s.place); err != nil {
		return err
	}
	if err := s.eng.Sees(ctx, wt.Path, s.place.runDir()); err != nil {
		return err
	}
	img, err := s.image(ctx, old)
	if err != nil {
		return err
	}
	spec, err := s.m.spec(ctx, s.eng, s.wish, s.place, wt, img, s.fb)
	if err != nil {
		return err
	}
	if err := s.wantsSetup(wt.Path, spec.Image); err != nil {
		return err
	}
	s.warnings = append(s.warnings, s.m.notTaken(s.wish, img.Source, wt.Path)...)
	return s.exchange(ctx, old, spec)
}

// check refuses when work would be lost with the old container.
func (s *swap) check(ctx context.Context, old container.Container, wt workspace.Worktree) error {
	if s.force {
		return nil
	}
	return s.m.losesNothing(ctx, s.target, old, wt, forced(s.place, s.asked))
}

// losesNothing is an error where a container has work that goes with it. giveUp is the command that goes on all the same.
func (m *Manager) losesNothing(ctx context.Context, t target, old container.Container, wt workspace.Worktree, giveUp string) error {
	u, err := m.lostWith(ctx, t.eng, t.repo.Private(wt, t.place.gitDir(), t.place.name), t.place, old)
	if err != nil || !u.Lost() {
		return wrap(err, CodeWorktreeFailed)
	}
	return Errorf(CodeWorktreeDirty, "a new container of branch %q would lose work that its agent has in the old one:\n%s\nhave it commit that, or give it up with: %s",
		t.place.Now, u, giveUp)
}

// forced is the command that recreates an instance whatever is lost.
func forced(p place, image string) string {
	words := []string{"recreate", p.Now, "--force"}
	if image != "" {
		words = append(words, "--image", image)
	}
	return hjk(words...)
}

// image makes the newest image: of the request, else of what the old container was made from.
func (s *swap) image(ctx context.Context, old container.Container) (images.Image, error) {
	src, err := s.source(old)
	if err != nil {
		return images.Image{}, err
	}
	return s.m.provide(ctx, s.eng, s.wish, s.place, src, s.fb)
}

func (s *swap) source(old container.Container) (images.Source, error) {
	s.wish.keepImage(old)
	s.wish.keepRequest(s.place)
	return s.wish.source(old.Worktree)
}

// keepImage makes a container anew from what the old one was made from, unless the request says otherwise.
func (w *wish) keepImage(old container.Container) {
	if w.image != "" {
		return
	}
	w.kept = true
	if file := old.Labels[container.LabelDevcontainer]; file != "" {
		if _, err := os.Stat(file); err == nil {
			w.image = file
		}
		return
	}
	switch images.Kind(old.Labels[container.LabelImageSource]) {
	case images.KindDockerfile:
		if _, err := os.Stat(old.Labels[container.LabelDockerfile]); err == nil {
			w.image = old.Labels[container.LabelDockerfile]
		}
	case images.KindReference:
		w.image = old.Labels[container.LabelImageRef]
	}
}

// exchange replaces old. Both share worktree, home and run folder, so they never run at the same time; between the
// rename and the removal either container is found by its labels, whenever this process dies.
func (s *swap) exchange(ctx context.Context, old container.Container, spec container.Spec) error {
	if _, err := s.eng.shim(ctx); err != nil { // before anything is touched
		return err
	}
	s.fb.step("replacing container " + old.Name + exemption(s.eng))
	s.wasRunning = runs(old)
	s.sessions = s.live(s.wasRunning)
	if err := s.place.beginExchange(exchangeRecord{Old: old.ID, Running: s.wasRunning, Sessions: s.sessions}); err != nil {
		return err
	}
	id, err := s.replace(ctx, old, spec)
	if err != nil {
		return s.undo(ctx, err, old)
	}
	ctx = context.WithoutCancel(ctx) // one of the two must go
	if err := errors.Join(s.place.remember(s.asked), s.eng.Remove(ctx, old.ID)); err != nil {
		return err
	}
	s.comeBack(ctx, resumption{id, spec.Image, spec.Worktree, spec.Home, spec.User})
	return s.place.endExchange()
}

// replace stops the old container and starts the new one, whose id it gives.
func (s *swap) replace(ctx context.Context, old container.Container, spec container.Spec) (id string, err error) {
	if old.State == "paused" { // it could not end
		if err := s.eng.Unpause(ctx, old.ID); err != nil {
			return "", err
		}
	}
	if s.wasRunning {
		if err := s.eng.Stop(ctx, old.ID, container.StopGrace); err != nil {
			return "", err
		}
	}
	if err := s.m.aside(ctx, s.eng, s.place, old); err != nil {
		return "", err
	}
	made, err := s.m.launch(ctx, s.eng, s.place, s.wish.config, spec, nil, s.fb)
	s.warnings = append(s.warnings, made.warnings...)
	return made.id, err
}

// undo brings the old container and its sessions back after err, which may be that nobody waits any more. Without an engine it
// is left to who comes next, as after a kill.
func (s *swap) undo(ctx context.Context, err error, old container.Container) error {
	if container.IsUnreachable(err) {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if back := s.bringBack(ctx, old); back != nil {
		return errors.Join(err, back)
	}
	s.resume(ctx, resumption{old.ID, old.ImageID, old.Worktree, old.Labels[container.LabelHome], old.Labels[container.LabelUser]}, s.sessions)
	return errors.Join(err, s.place.endExchange())
}

// bringBack removes the new container, if there is one, and gives the old one its name and its running state again.
func (s *swap) bringBack(ctx context.Context, old container.Container) error {
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	if err := s.m.putBack(ctx, s.eng, s.place, old.ID); err != nil || !s.wasRunning {
		return err
	}
	if err := s.eng.Stop(ctx, old.ID, container.StopGrace); err != nil { // to the end: the engine goes on with one that was cut off
		return err
	}
	var none *shim.Start
	_, err := s.eng.Start(ctx, old.ID, none)
	return err
}
