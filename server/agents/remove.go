package agents

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// Remove deletes an instance: container, home, worktree, logs and, when asked, the branch if hjk-ls made it. It refuses,
// naming it, when there is work that would be lost, unless a.Force: commits of the branch itself count only when the branch goes. A
// worktree that hjk-ls did not make stays. Nothing is destroyed before the check.
func (m *Manager) Remove(ctx context.Context, a RemoveArgs, fb Feedback) (RemoveResult, error) {
	t, err := m.target(ctx, a.Workspace, a.Branch)
	if CodeOf(err) == CodeNotRepository {
		if o, ok := m.orphan(a); ok {
			return m.removeOrphan(ctx, a, o, fb)
		}
	}
	if err != nil {
		return RemoveResult{}, err
	}
	l, err := lockExclusive(ctx, t.place.lock())
	if err != nil {
		return RemoveResult{}, wrap(err, CodeInternal)
	}
	defer m.release(l, t.place)
	r := removal{m: m, target: t, args: a, fb: fb}
	defer r.private().EndInner()
	if a.DryRun {
		lost, err := r.look(ctx)
		res := RemoveResult{Lost: lost, Ignored: r.ignored, Branch: r.branch}
		r.kept.tell(&res)
		return res, m.failed(t.eng, err)
	}
	if err := r.run(ctx); err != nil {
		return RemoveResult{}, m.failed(t.eng, err)
	}
	m.sweep(ctx, t.eng)
	m.tidy(ctx, t.eng)
	m.changed.kick()
	res := RemoveResult{Removed: true, Ignored: r.ignored, Branch: r.branch, Teardown: r.teardown}
	r.kept.tell(&res)
	return res, nil
}

type removal struct {
	m *Manager
	target
	args RemoveArgs
	fb   Feedback

	tree     workspace.Worktree
	id       string // of its container, "" for none
	found    bool   // tree is there, and hjk-ls made it
	git      *Git   // how the last sync ended
	restored bool   // its branch was gone, and is there for the checks only
	ignored  []string
	kept     kept
	branch   *BranchFate // nil where there is none
	teardown string      // why it has not ended well
}

func (r *removal) run(ctx context.Context) error {
	c, ok, err := r.m.observe(ctx, r.eng, r.place)
	if err != nil {
		return err
	}
	r.id = c.ID
	if r.tree, r.found, err = r.worktree(ctx); err != nil {
		return wrap(err, CodeWorktreeFailed)
	}
	if !ok && !r.found && !r.place.exists() {
		return noInstance(r.args.Branch)
	}
	if r.found && !r.tree.Prunable {
		if r.restored, err = r.repo.Restore(ctx, r.tree); err != nil {
			return wrap(err, CodeWorktreeFailed)
		}
	}
	if ok && (c.State == "running" || r.wakes(c)) {
		r.sync(ctx)
		if err := r.check(ctx); err != nil {
			return err
		}
		r.tearDown(ctx, c)
		// The programs end before the last check, so that nothing is written between it and the removal.
		r.fb.step("stopping " + c.Name)
		if err := r.eng.Stop(ctx, c.ID, container.StopGrace); err != nil {
			return err
		}
	}
	if err := r.able(ctx); err != nil { // before the last check: what may not be read can be work, too
		return err
	}
	r.sync(ctx)
	if err := r.check(ctx); err != nil {
		return err
	}
	return r.destroy(context.WithoutCancel(ctx))
}

// able tries all of the removal that can fail for what lies there.
func (r *removal) able(ctx context.Context) error {
	if !r.found {
		return r.m.deletable(ctx, r.place, "")
	}
	if err := r.repo.Droppable(ctx, r.tree); err != nil {
		return wrap(err, CodeWorktreeFailed)
	}
	return r.m.deletable(ctx, r.place, "")
}

// look tells what a removal would lose, and changes nothing.
func (r *removal) look(ctx context.Context) (string, error) {
	var err error
	if r.tree, r.found, err = r.worktree(ctx); err != nil {
		return "", wrap(err, CodeWorktreeFailed)
	}
	c, there, err := r.m.observe(ctx, r.eng, r.place)
	r.id = c.ID
	if err == nil && !there && !r.found && !r.place.exists() {
		err = noInstance(r.args.Branch)
	}
	if err != nil {
		return "", err
	}
	r.sync(ctx)
	u, err := r.unsaved(ctx)
	if err != nil {
		return "", wrap(err, CodeWorktreeFailed)
	}
	if r.kept, err = r.m.keptOf(ctx, r.private(), (*workspace.Private).WouldKeep); err != nil {
		r.kept.Missed = err.Error()
	}
	if !u.Lost() {
		return "", nil
	}
	return u.String(), nil
}

// worktree is the checkout of the branch, and whether hjk-ls made it: the files of others are not ours to check or remove.
func (r *removal) worktree(ctx context.Context) (workspace.Worktree, bool, error) {
	if wt, ok, err := r.repo.Find(ctx, r.args.Branch); err != nil || ok {
		return wt, ok && wt.Owned, err
	}
	all, err := r.repo.Worktrees(ctx) // with those whose folder is gone: their record in git goes too
	if err != nil {
		return workspace.Worktree{}, false, err
	}
	for _, wt := range all {
		if wt.Branch == r.args.Branch && wt.Owned {
			return wt, true, nil
		}
	}
	return workspace.Worktree{}, false, nil
}

// sync brings over what was committed inside, whoever made the checkout, and also when it is gone.
func (r *removal) sync(ctx context.Context) {
	if r.tree.Path == "" || r.tree.Prunable {
		r.git = r.m.syncAway(ctx, r.repo, r.place)
		return
	}
	priv := r.private()
	r.git = r.m.synced(ctx, priv, r.place, priv.SyncAnew)
}

// private is the container's git directory.
func (r *removal) private() *workspace.Private {
	tree := r.tree
	if tree.Path == "" || tree.Prunable {
		tree = r.repo.Away(r.place.Now)
	}
	return r.repo.Private(tree, r.place.gitDir(), r.place.name)
}

// mostIgnored bounds how many ignored files a result names.
const mostIgnored = 100

// unsaved is what would be lost with the worktree and, where that stays or is gone, with the container's git directory alone.
func (r *removal) unsaved(ctx context.Context) (u workspace.Unsaved, err error) {
	if r.found && !r.tree.Prunable {
		u, err = r.repo.Unsaved(ctx, r.tree, r.place.name)
	} else {
		u, err = r.repo.UnsavedInside(ctx, r.place.name)
	}
	if err == nil && (r.args.DryRun || !r.args.Force) { // by force nobody reads what it finds
		err = r.m.inner(ctx, r.eng, r.private(), r.id, &u)
	}
	if err == nil && r.git != nil && r.git.State == workspace.Held {
		u.Commits = append(u.Commits, r.git.Message)
	}
	r.ignored = nil
	for _, name := range u.Ignored[:min(len(u.Ignored), mostIgnored)] {
		r.ignored = append(r.ignored, spelled(name))
	}
	if err == nil {
		err = r.fate(ctx, &u)
	}
	return u, err
}

func (r *removal) check(ctx context.Context) error {
	u, err := r.unsaved(ctx)
	if r.args.Force {
		return nil
	}
	if err != nil {
		return wrap(err, CodeWorktreeFailed)
	}
	if !u.Lost() {
		return nil
	}
	what := "removing branch %q"
	if r.branch != nil && !r.branch.Deleted {
		what = "removing the instance of branch %q (the branch stays)"
	}
	return Errorf(CodeWorktreeDirty, what+" would lose work in %s:\n%s\ncommit and push it, or remove it with --force", r.args.Branch, cmp.Or(r.tree.Path, "its container"), u)
}

// destroy deletes everything, the state folder last: while it stands, a sweep finishes what a kill cuts off here. What was
// committed inside has been checked, and goes first: a sweep keeps what it finds of that.
func (r *removal) destroy(ctx context.Context) error {
	if err := r.keep(ctx); err != nil {
		return err
	}
	if err := workspace.RemovePrivate(ctx, r.place.gitDir(), r.m.own); err != nil {
		return fmt.Errorf("remove the container's git directory: %w", err)
	}
	if err := r.m.discard(ctx, r.eng, r.place); err != nil {
		return err
	}
	if r.found {
		r.fb.step("removing worktree " + r.tree.Path)
		if err := r.repo.Remove(ctx, r.tree, true); err != nil {
			return wrap(err, CodeWorktreeFailed)
		}
	}
	if err := r.deleteBranch(ctx); err != nil {
		return wrap(err, CodeWorktreeFailed)
	}
	if err := r.repo.Forget(ctx, r.place.name); err != nil {
		return wrap(err, CodeWorktreeFailed)
	}
	r.m.prune()
	if err := r.place.remove(r.m.own); err != nil {
		return fmt.Errorf("remove the state folder: %w", err)
	}
	return nil
}

// discard deletes an instance's containers, its home and the name of its image. What is gone already is no error.
func (m *Manager) discard(ctx context.Context, eng *engine, p place) error {
	all, err := m.containers(ctx, eng, p)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range all {
		errs = append(errs, eng.Remove(ctx, c.ID))
	}
	errs = append(errs, eng.RemoveVolume(ctx, container.HomeVolume(p.name)))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return eng.images.Untag(ctx, p.tag())
}
