package agents

import (
	"context"
	"strings"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// PushArgs is the argument object of hjk-ls.push.
type PushArgs struct {
	Workspace   string `json:"workspace,omitempty"`
	Branch      string `json:"branch"`
	Remote      string `json:"remote,omitempty"` // default: where git would push it, else origin
	Force       bool   `json:"force,omitempty"`  // with lease: over commits there that were fetched
	PullRequest bool   `json:"pullRequest,omitempty"`
	Draft       bool   `json:"draft,omitempty"` // of the pull request
	Now         bool   `json:"now,omitempty"`   // also while an agent works, or has commits that did not come over
}

// PushResult is the result of hjk-ls.push.
type PushResult struct {
	Branch      string   `json:"branch"`
	Remote      string   `json:"remote"`
	Said        string   `json:"said,omitempty"`        // by git and the other side
	PullRequest string   `json:"pullRequest,omitempty"` // its address
	Warnings    []string `json:"warnings,omitempty"`
}

// Push pushes a branch with git of the host, with its keys, and makes a pull request where that is asked for.
func (m *Manager) Push(ctx context.Context, a PushArgs, fb Feedback) (PushResult, error) {
	if a.Branch == "" {
		return PushResult{}, Errorf(CodeInvalidArgument, "branch is missing; hjk-ls ps lists the branches that have an instance")
	}
	if strings.HasPrefix(a.Remote, "-") {
		return PushResult{}, Errorf(CodeInvalidArgument, "remote: %q is no name of a remote", a.Remote)
	}
	if a.Draft && !a.PullRequest {
		return PushResult{}, Errorf(CodeInvalidArgument, "draft is of a pull request; ask for that too: --pr (pullRequest)")
	}
	if err := m.trusted(); err != nil {
		return PushResult{}, err
	}
	if a.PullRequest {
		if err := hasGH(); err != nil { // before anything is pushed
			return PushResult{}, err
		}
	}
	f, err := m.finished(ctx, a.Workspace, a.Branch, a.Now)
	if err != nil {
		return PushResult{}, err
	}
	res := PushResult{Branch: a.Branch, Warnings: f.warnings}
	if f.uncommitted != "" {
		res.Warnings = append(res.Warnings, f.uncommitted+"; it is not pushed")
	}
	dir, err := m.hooksAt(ctx, f.repo)
	if err != nil {
		return res, err
	}
	if dir == "" {
		res.Warnings = append(res.Warnings, "no hook of yours ran, as an agent can write in each of your checkouts")
	}
	fb.step("pushing " + a.Branch)
	did, err := f.repo.Push(ctx, workspace.PushOptions{Branch: a.Branch, Remote: a.Remote, Force: a.Force, Dir: dir, Terminal: fb.Terminal})
	if err != nil {
		return res, wrap(err, CodePushFailed)
	}
	res.Remote, res.Said = did.Remote, strings.TrimSpace(did.Said)
	m.changed.kick()
	if a.PullRequest {
		fb.step("making a pull request of " + a.Branch)
		res.PullRequest, err = m.pullRequest(ctx, f, a)
	}
	return res, err
}

// hooksAt is a checkout of the user's own, for git-push to run hooks in; "" where agents work in all that there are.
func (m *Manager) hooksAt(ctx context.Context, r *workspace.Repo) (string, error) {
	for _, dir := range []string{r.From, r.Root} {
		own, err := m.usersOwn(ctx, r, dir)
		if own || err != nil {
			return dir, err
		}
	}
	return "", nil
}
