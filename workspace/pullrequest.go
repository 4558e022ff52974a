package workspace

import (
	"cmp"
	"context"
	"fmt"
)

// FetchPullRequest fetches a pull request and gives the branch it is on here: own, which follows that of the remote, or where that is "",
// pr/NUMBER. A branch that is there already stays where it is: work may be on it.
func (r *Repo) FetchPullRequest(ctx context.Context, number int, own string, terminal bool) (string, error) {
	branch := cmp.Or(own, fmt.Sprintf("pr/%d", number))
	if err := validBranch(branch); err != nil {
		return "", err
	}
	if has, err := r.HasBranch(ctx, branch); has || err != nil {
		return branch, err
	}
	remote, err := r.remoteFor(ctx, branch)
	if err != nil {
		return "", err
	}
	spec := fmt.Sprintf("refs/pull/%d/head:refs/heads/%s", number, branch)
	if own != "" {
		spec = fmt.Sprintf("+refs/heads/%s:refs/remotes/%s/%s", own, remote, own)
	}
	c := call{dir: r.CommonDir, fetches: true, asks: asks(terminal)}
	if terminal {
		c.env = append(c.env, "GIT_TERMINAL_PROMPT=1")
	}
	_, err = gitWith(ctx, c, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--", remote, spec)
	return branch, err
}
