package agents

import (
	"context"
	"slices"
	"strconv"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// OwnCheckout is a question: a branch is checked out in a checkout that hjk-ls did not make, where no agent works yet.
type OwnCheckout struct {
	Branch string
	Path   string
	New    string // the branch that an agent beside it would get
}

// Where is the answer to an OwnCheckout.
type Where int

// The answers.
const (
	Nowhere     Where = iota // no answer in time, or the question was put away
	OnNewBranch              // in a worktree of ours, from where the branch is
	Here                     // in the user's own checkout
)

// settleWhere decides where a run works. An agent comes into a checkout of the user's own only when its user says so: by the
// request, by the answer to a question, or before, when its container was made. It gives that checkout, or "" where the agent
// works in a worktree of ours; then the branch may be another than the one asked for.
func (m *Manager) settleWhere(ctx context.Context, eng *engine, w wish, a RunArgs, fb Feedback) (RunArgs, string, error) {
	r := w.repo
	wt, found, err := r.Find(ctx, a.Branch)
	if err != nil {
		return a, "", wrap(err, CodeWorktreeFailed)
	}
	if !found || r.Makes(wt, w.config.Worktrees) {
		return a, "", nil
	}
	works, err := m.worksIn(ctx, eng, r, wt)
	if err != nil {
		return a, "", err
	}
	answer := Here
	if !works && !a.Here {
		q := OwnCheckout{Branch: a.Branch, Path: wt.Path}
		if q.New, err = m.besides(ctx, r, a.Branch); err != nil {
			return a, "", err
		}
		answer = fb.where(q)
	}
	switch answer {
	case Here:
		fb.step("the agent works in your own checkout " + wt.Path + ", where " + a.Branch + " is checked out")
		return a, wt.Path, nil
	case OnNewBranch:
		a.From = a.Branch
		a.Branch, err = m.besides(ctx, r, a.Branch) // again: the question may have been open for long
		return a, "", err
	}
	return a, "", ownCheckout(a.Branch, wt.Path)
}

func ownCheckout(branch, path string) error {
	return Errorf(CodeOwnCheckout, "branch %q is checked out in %s, a checkout of your own, and nobody said that an agent may work there; "+
		"name a new branch for it (with from: %q), or say here: true", branch, path, branch)
}

// worksIn reports whether a checkout of the user's own has a container already.
func (m *Manager) worksIn(ctx context.Context, eng *engine, r *workspace.Repo, wt workspace.Worktree) (bool, error) {
	p, err := m.placeOf(ctx, r, wt.Branch)
	if err != nil {
		return false, err
	}
	c, ok, err := m.observe(ctx, eng, p)
	return ok && c.Worktree == wt.Path, err
}

// besides names a branch for an agent beside another branch: one that neither is there nor on a remote.
func (m *Manager) besides(ctx context.Context, r *workspace.Repo, branch string) (string, error) {
	all, err := r.Branches(ctx)
	if err != nil {
		return "", wrap(err, CodeWorktreeFailed)
	}
	return freeBranch(all, branch), nil
}

func freeBranch(all []workspace.Branch, branch string) string {
	name := branch + "-agent"
	for n := 2; slices.ContainsFunc(all, func(b workspace.Branch) bool { return b.Name == name }); n++ {
		name = branch + "-agent-" + strconv.Itoa(n)
	}
	return name
}

// ownCheckouts are the checkouts of the user's own in which no agent works, by branch, as the last survey saw them.
func (m *Manager) ownCheckouts(ctx context.Context, r *workspace.Repo, c workspace.Config) (map[string]string, error) {
	trees, err := r.Worktrees(ctx)
	if err != nil {
		return nil, wrap(err, CodeWorktreeFailed)
	}
	own := map[string]string{}
	for _, wt := range trees {
		if wt.Branch != "" && !r.Makes(wt, c.Worktrees) && !wt.Prunable && !wt.Foreign && !m.inhabited(wt.Path) {
			own[wt.Branch] = wt.Path
		}
	}
	return own, nil
}

// inhabited reports whether the last survey saw an instance in a checkout.
func (m *Manager) inhabited(path string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.surveyed, func(i Instance) bool { return i.Worktree == path })
}
