package agents

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// MergeArgs is the argument object of hjk-ls.merge.
type MergeArgs struct {
	Workspace string `json:"workspace,omitempty"` // in the checkout that is merged into
	Branch    string `json:"branch"`
	Squash    bool   `json:"squash,omitempty"` // as one commit
	Rebase    bool   `json:"rebase,omitempty"` // by its commits made again, without a merge
	Message   string `json:"message,omitempty"`
	Remove    bool   `json:"remove,omitempty"` // the instance, when it is in
	Now       bool   `json:"now,omitempty"`    // also while an agent works, or has commits that did not come over
}

// MergeResult is the result of hjk-ls.merge.
type MergeResult struct {
	Branch   string   `json:"branch"`
	Into     string   `json:"into"`
	Commit   string   `json:"commit"`  // of into by now
	Commits  int      `json:"commits"` // that came in; 0 is that all were there
	Removed  bool     `json:"removed,omitempty"`
	Deleted  bool     `json:"deleted,omitempty"`  // the branch, too
	Warnings []string `json:"warnings,omitempty"` // what did not come in, and which hooks did not run
}

// Merge takes a branch's commits into the branch of the current checkout. It does not need the engine, but to know who works.
func (m *Manager) Merge(ctx context.Context, a MergeArgs, fb Feedback) (MergeResult, error) {
	how, err := howToMerge(a)
	if err != nil {
		return MergeResult{}, err
	}
	if err := m.trusted(); err != nil {
		return MergeResult{}, err
	}
	f, err := m.finished(ctx, a.Workspace, a.Branch, a.Now)
	if err != nil {
		return MergeResult{}, err
	}
	res := MergeResult{Branch: a.Branch, Warnings: f.warnings}
	if f.uncommitted != "" && a.Remove {
		return res, Errorf(CodeWorktreeDirty, "%s; commit it first, or merge without --rm (remove)", f.uncommitted)
	}
	if f.uncommitted != "" {
		res.Warnings = append(res.Warnings, f.uncommitted+"; it is not merged")
	}
	hooks, err := m.hooksRun(ctx, f.repo)
	if err != nil {
		return res, err
	}
	if !hooks {
		res.Warnings = append(res.Warnings, "no hook of yours ran, as an agent can write in "+f.repo.From)
	}
	fb.step(fmt.Sprintf("merging %s", a.Branch))
	did, err := f.repo.Merge(ctx, workspace.MergeOptions{Branch: a.Branch, How: how, Message: a.Message, Hooks: hooks, Terminal: fb.Terminal})
	m.changed.kick()
	if err != nil {
		return res, wrap(err, CodeWorktreeFailed)
	}
	res.Into, res.Commit, res.Commits = did.Into, did.Commit, did.Commits
	if did.NoHooks != "" {
		res.Warnings = append(res.Warnings, did.NoHooks)
	}
	if a.Remove && f.instance {
		return m.removeMerged(ctx, a, f, res, fb)
	}
	return res, nil
}

func howToMerge(a MergeArgs) (workspace.How, error) {
	switch {
	case a.Branch == "":
		return 0, Errorf(CodeInvalidArgument, "branch is missing; hjk-ls ps lists the branches that have an instance")
	case a.Squash && a.Rebase:
		return 0, Errorf(CodeInvalidArgument, "squash and rebase exclude each other")
	case a.Rebase && a.Message != "":
		return 0, Errorf(CodeInvalidArgument, "with rebase each commit keeps its message; leave message out")
	case a.Squash:
		return workspace.AsSquash, nil
	case a.Rebase:
		return workspace.AsRebase, nil
	}
	return workspace.AsMerge, nil
}

// removeMerged removes the instance of a branch that is in. The branch goes too where its commits are in themselves: after a squash or
// a rebase they are nowhere else.
func (m *Manager) removeMerged(ctx context.Context, a MergeArgs, f finished, res MergeResult, fb Feedback) (MergeResult, error) {
	gone, err := m.Remove(ctx, RemoveArgs{Workspace: f.repo.From, Branch: a.Branch, DeleteBranch: !a.Squash && !a.Rebase}, fb)
	if err != nil {
		return res, &Error{Code: CodeOf(err), Message: fmt.Sprintf("%s is merged into %s, but its instance was not removed: %v", a.Branch, res.Into, err), Err: err}
	}
	res.Removed = gone.Removed
	res.Deleted = gone.Branch != nil && gone.Branch.Deleted
	return res, nil
}

// finished is a branch whose work is to leave its instance.
type finished struct {
	repo        *workspace.Repo
	tree        workspace.Worktree
	instance    bool
	uncommitted string // what the branch does not have of the work, for a person
	warnings    []string
}

// finished looks at a branch that is to be merged or pushed. Unless now, it refuses while its agent works, or has commits that did not
// come over.
func (m *Manager) finished(ctx context.Context, hint, branch string, now bool) (finished, error) {
	r, err := m.repo(ctx, hint, branch)
	if err != nil {
		return finished{}, err
	}
	f := finished{repo: r}
	p, err := m.placeOf(ctx, r, branch)
	if err != nil {
		return f, err
	}
	has, err := r.HasBranch(ctx, branch)
	if err == nil && !has {
		return f, noInstance(branch)
	}
	var found bool
	if err == nil {
		f.tree, found, err = r.Find(ctx, branch)
	}
	if err != nil {
		return f, wrap(err, CodeWorktreeFailed)
	}
	f.instance = p.exists()
	if !f.instance { // a branch that has none can be merged like any other
		return f, nil
	}
	if err := m.idle(ctx, r, branch, now, &f); err != nil {
		return f, err
	}
	var g *Git
	if found {
		g = m.sync(ctx, r, f.tree, p)
		err = f.uncommittedIn(ctx)
	} else {
		g = m.syncAway(ctx, r, p)
	}
	if g != nil && g.State != workspace.Synced {
		why := fmt.Sprintf("commits of the agent on %q are not on the branch here (%s): %s", branch, g.State, g.Message)
		if !now {
			return f, Errorf(CodeNotSynced, "%s; --now (now) goes on without them", why)
		}
		f.warnings = append(f.warnings, why)
	}
	return f, wrap(err, CodeWorktreeFailed)
}

// idle refuses while an agent works on a branch.
func (m *Manager) idle(ctx context.Context, r *workspace.Repo, branch string, now bool, f *finished) error {
	if now {
		return nil
	}
	eng, err := m.engines.get(ctx)
	if err != nil {
		f.warnings = append(f.warnings, "no container engine answers, so it is not known whether an agent works on "+branch)
		return ctx.Err()
	}
	inst, err := m.instance(ctx, eng, r, branch)
	if err != nil {
		return m.failed(eng, err)
	}
	if inst.State != StateRunning {
		return nil
	}
	var names []string
	for _, s := range inst.Sessions {
		if s.State == "running" && !s.Waiting {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return Errorf(CodeAgentWorking, "an agent works on %q (%s); wait for it: %s, or take what is committed so far with --now (now)",
		branch, plain.Short(strings.Join(names, ", "), plain.MaxMessage), hjk("wait", branch, names[0]))
}

// uncommittedIn tells what in the branch's checkout is on no commit.
func (f *finished) uncommittedIn(ctx context.Context) error {
	u, err := f.repo.Unsaved(ctx, f.tree, "")
	files := slices.Concat(u.Modified, u.Untracked)
	if err != nil || len(files) == 0 {
		return err
	}
	const most = 3
	n := min(len(files), most)
	f.uncommitted = fmt.Sprintf("%s has %d changed or untracked files that are not committed (%s", f.tree.Path, len(files), plain.Short(strings.Join(files[:n], ", "), plain.MaxMessage))
	if len(files) > n {
		f.uncommitted += fmt.Sprintf(", and %d more", len(files)-n)
	}
	f.uncommitted += ")"
	return nil
}

// hooksRun reports whether the user's hooks may run in the current checkout: not where an agent can write what they start.
func (m *Manager) hooksRun(ctx context.Context, r *workspace.Repo) (bool, error) {
	return m.usersOwn(ctx, r, r.From)
}

// usersOwn reports whether a checkout is one in which no agent works.
func (m *Manager) usersOwn(ctx context.Context, r *workspace.Repo, dir string) (bool, error) {
	all, err := r.Worktrees(ctx)
	if err != nil {
		return false, wrap(err, CodeWorktreeFailed)
	}
	for _, wt := range all {
		if wt.Path != dir {
			continue
		}
		if wt.Owned {
			return false, nil
		}
		for _, branch := range []string{wt.Branch, wt.Current} {
			p, err := m.placeOf(ctx, r, branch)
			if err != nil || p.exists() {
				return false, err
			}
		}
		return true, nil
	}
	return false, nil
}
