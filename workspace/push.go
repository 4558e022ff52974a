package workspace

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrNoRemote means that it is not known where to push.
var ErrNoRemote = errors.New("it is not known where to push")

// PushOptions say which branch goes where.
type PushOptions struct {
	Branch   string
	Remote   string // "" is the branch's own, as git finds it
	Force    bool   // also over other commits there, as long as they are those that were fetched last
	Dir      string // checkout whose hooks run, "" for none
	Terminal bool   // what git starts may ask at the user's terminal
}

// Pushed is what became of a push.
type Pushed struct {
	Remote string
	Said   string // by git and the other side
}

// Push pushes a branch to the branch of the same name on a remote, which becomes its upstream where it has none.
func (r *Repo) Push(ctx context.Context, o PushOptions) (Pushed, error) {
	remote := o.Remote
	if remote == "" {
		var err error
		if remote, err = r.remoteFor(ctx, o.Branch); err != nil {
			return Pushed{}, err
		}
	}
	p := Pushed{Remote: remote}
	dir := r.CommonDir // where no checkout is: what lies in one that an agent has is of no matter
	var args []string
	if o.Dir != "" {
		dir = o.Dir
		hooks, _, err := r.withHooks(ctx, dir, "")
		if err != nil {
			return p, err
		}
		args = hooks
	}
	args = append(args, "push", "--no-progress")
	if r.setting(ctx, "branch."+o.Branch+".merge") == "" {
		args = append(args, "--set-upstream")
	}
	if o.Force {
		args = append(args, "--force-with-lease")
	}
	ref := "refs/heads/" + o.Branch
	c := call{dir: dir, fetches: true, asks: asks(o.Terminal), told: &p.Said, env: []string{"LC_ALL="}}
	if o.Terminal { // a question for a name or a password is git's own
		c.env = append(c.env, "GIT_TERMINAL_PROMPT=1")
	}
	_, err := gitWith(ctx, c, append(args, "--", remote, ref+":"+ref)...)
	return p, err
}

// remoteFor is the remote that git would push a branch to.
func (r *Repo) remoteFor(ctx context.Context, branch string) (string, error) {
	for _, key := range []string{"branch." + branch + ".pushRemote", "remote.pushDefault", "branch." + branch + ".remote"} {
		if name := r.setting(ctx, key); name != "" && name != "." {
			return name, nil
		}
	}
	out, err := git(ctx, r.CommonDir, "remote")
	if err != nil {
		return "", err
	}
	all := strings.Fields(out)
	for _, name := range all {
		if name == "origin" || len(all) == 1 {
			return name, nil
		}
	}
	if len(all) == 0 {
		return "", fmt.Errorf("%w: the repository has no remote; add one: git remote add origin ADDRESS", ErrNoRemote)
	}
	return "", fmt.Errorf("%w: there are the remotes %s; name one with --remote (remote)", ErrNoRemote, strings.Join(all, ", "))
}

// setting is a value of git's configuration, "" where it has none.
func (r *Repo) setting(ctx context.Context, key string) string {
	out, err := git(ctx, r.CommonDir, "config", "--includes", "--get", key)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}
