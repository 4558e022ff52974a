package workspace

import (
	"cmp"
	"context"
	"strings"
)

// baseBranch is the branch that a new one is made from: a local one or one of a remote, as git names it for short.
func (r *Repo) baseBranch(ctx context.Context, s start, o EnsureOptions) string {
	if s.track != "" { // it is that branch itself
		return ""
	}
	name := r.branchNamed(ctx, cmp.Or(o.From, "HEAD"))
	if name == o.Branch {
		return ""
	}
	return name
}

// branchNamed is the branch that a revision names, "" where it names none.
func (r *Repo) branchNamed(ctx context.Context, rev string) string {
	out, err := git(ctx, r.From, "rev-parse", "--symbolic-full-name", "--verify", "--quiet", "--end-of-options", rev)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(out) {
		ref := strings.TrimSpace(line)
		for _, kind := range []string{"refs/heads/", "refs/remotes/"} {
			if name, ok := strings.CutPrefix(ref, kind); ok {
				return name
			}
		}
	}
	return ""
}

// BaseOf is the branch that a worktree's branch is compared with and goes back to: the one it was made from while that is there, so
// that branches can stand on each other, else the main checkout's.
func (r *Repo) BaseOf(ctx context.Context, wt Worktree) string {
	if wt.BaseBranch != "" {
		for _, kind := range []string{"refs/heads/", "refs/remotes/"} {
			if _, err := git(ctx, r.CommonDir, "show-ref", "--verify", "--quiet", kind+wt.BaseBranch); err == nil {
				return wt.BaseBranch
			}
		}
	}
	return r.mainBranch(ctx)
}

// BaseOnRemote is what a pull request of a worktree's branch goes into: the branch that it was made from, where its remote has that;
// else "", for the remote's own.
func (r *Repo) BaseOnRemote(ctx context.Context, wt Worktree) string {
	if wt.BaseBranch == "" {
		return ""
	}
	remote, err := r.remoteFor(ctx, wt.Branch)
	if err != nil {
		return ""
	}
	name := strings.TrimPrefix(wt.BaseBranch, remote+"/")
	if _, err := git(ctx, r.CommonDir, "show-ref", "--verify", "--quiet", "refs/remotes/"+remote+"/"+name); err != nil {
		return ""
	}
	return name
}
