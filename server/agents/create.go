package agents

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// create makes the container, in the place of old where there is one. That one stays until the new one runs.
func (u *bringUp) create(ctx context.Context, old *container.Container) (*shim.State, error) {
	wt, err := u.worktree(ctx)
	if err != nil {
		return nil, err
	}
	if err := u.eng.Sees(ctx, wt.Path, u.place.runDir()); err != nil { // before a build that takes its time
		return nil, err
	}
	if old != nil {
		giveUp := forced(u.place, u.asked)
		if wt.NewWorktree { // there is none to recreate it in
			giveUp = "docker rm -f " + old.Name
		}
		if err := u.m.losesNothing(ctx, target{u.wish.repo, u.eng, u.place}, *old, wt.Worktree, giveUp); err != nil {
			return nil, err
		}
	}
	src, err := u.wish.source(wt.Path)
	if err != nil {
		return nil, err
	}
	img, err := u.m.provide(ctx, u.eng, u.wish, u.place, src, u.fb)
	if err != nil {
		return nil, err
	}
	spec, err := u.m.spec(ctx, u.eng, u.wish, u.place, wt.Worktree, img, u.fb)
	if err != nil {
		return nil, err
	}
	u.image = img.Ref
	if img.Source.Dockerfile != "" {
		u.image = img.Source.Dockerfile
	}
	if err := u.expectAnew(wt.Path); err != nil {
		return nil, err
	}
	if err := u.allow(wt.Path, spec.Image); err != nil {
		return nil, err
	}
	first, err := u.first(wt.Path, spec.Home)
	if err != nil {
		return nil, err
	}
	if _, err := u.eng.shim(ctx); err != nil { // before anything is touched
		return nil, err
	}
	u.warn(ctx, wt.Path)
	u.warnings = append(u.warnings, u.m.notTaken(u.wish, src, wt.Path)...)
	but := ""
	if old != nil {
		but = old.ID
		if err := u.makeRoom(ctx, *old); err != nil {
			return nil, err
		}
	}
	u.fb.step("starting container " + spec.Name + exemption(u.eng))
	u.undo = append(u.undo, func(ctx context.Context) error { return u.removeContainer(ctx, but) }) // first: a create that is cut off may have made it
	made, err := u.m.launch(ctx, u.eng, u.place, u.wish.config, spec, first, u.fb)
	u.warnings = append(u.warnings, made.warnings...)
	if err != nil {
		return nil, err
	}
	u.settled(ctx, made.id)
	return made.state, nil
}

// makeRoom lets a container stand aside.
func (u *bringUp) makeRoom(ctx context.Context, old container.Container) error {
	if runs(old) { // its worktree was taken away
		if err := u.eng.Stop(ctx, old.ID, container.StopGrace); err != nil {
			return err
		}
	}
	if err := u.place.beginExchange(exchangeRecord{Old: old.ID}); err != nil {
		return err
	}
	u.undo = append(u.undo, func(ctx context.Context) error {
		if err := u.m.putBack(ctx, u.eng, u.place, old.ID); err != nil {
			return err
		}
		return u.place.endExchange()
	})
	return u.m.aside(ctx, u.eng, u.place, old)
}

// settled is called when the instance's container runs: the one that stood aside goes, and what was asked for is remembered. What
// of that fails is done by the next operation.
func (u *bringUp) settled(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	if err := errors.Join(u.place.remember(u.asked), u.m.removeOthers(ctx, u.eng, u.place, id), u.place.endExchange()); err != nil {
		u.m.log.Warn("cannot tidy up after the start of a container", zap.String("branch", u.place.Now), zap.Error(err))
	}
}

// worktree makes the state folder and the worktree, and remembers how to take both back.
func (u *bringUp) worktree(ctx context.Context) (workspace.Ensured, error) {
	if !u.place.exists() {
		u.made = true
		u.undo = append(u.undo, func(context.Context) error { return u.place.remove(u.m.own) })
		if err := u.place.expectSetup(); err != nil { // before it is an instance
			return workspace.Ensured{}, Errorf(CodeInternal, "make the state folder %s: %w", u.place.dir(), err)
		}
	}
	if err := u.place.make(); err != nil {
		return workspace.Ensured{}, Errorf(CodeInternal, "make the state folder %s: %w", u.place.dir(), err)
	}
	u.fb.step("preparing worktree of " + u.place.Now)
	made, err := u.wish.repo.Ensure(ctx, workspace.EnsureOptions{
		Branch: u.place.Now, From: u.from, Dir: u.wish.config.Worktrees,
	})
	if err != nil {
		return workspace.Ensured{}, wrap(err, CodeWorktreeFailed)
	}
	u.undo = append(u.undo, func(ctx context.Context) error { return u.wish.repo.Undo(ctx, made) })
	if !made.Owned && made.Path != u.own { // it was checked out there just now
		return workspace.Ensured{}, ownCheckout(u.place.Now, made.Path)
	}
	if made.NewBranch {
		u.fb.step("new branch " + u.place.Now + " begins at " + made.Start)
	}
	tellCopied(u.fb, made.Copied)
	return made, nil
}

// removeContainer takes back the container and, when the instance itself is new, its home. The one that stands aside stays.
func (u *bringUp) removeContainer(ctx context.Context, but string) error {
	if err := u.m.removeOthers(ctx, u.eng, u.place, but); err != nil {
		return err
	}
	if u.made {
		return u.eng.RemoveVolume(ctx, container.HomeVolume(u.place.name))
	}
	return nil
}
