package agents

import (
	"context"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/images"
)

// fate is what becomes of a container that is there.
type fate int

const (
	replaced fate = iota // another takes its place, and it goes when that one runs
	removed              // nothing ever ran in it, or it is in pieces
	started
	joined
)

// reuse looks at a container that is there: running and stopped ones are used, half-made and broken ones removed, and those that are
// bereaved, or not what is asked for, replaced.
func (u *bringUp) reuse(ctx context.Context, c container.Container) (fate, error) {
	has, err := u.hasTree(ctx, c)
	if err != nil {
		return replaced, err
	}
	switch {
	case c.State == "created", c.State == "dead", u.place.awaitsHome():
		u.fb.step("removing container " + c.Name + " (" + c.State + ")")
		return removed, nil
	case !has:
	case c.State == "running":
		return joined, u.sameImage(ctx, c)
	case c.State == "paused":
		if err := u.eng.Unpause(ctx, c.ID); err != nil {
			return replaced, err
		}
		return joined, u.sameImage(ctx, c)
	case c.State == "exited" && u.wish.image == "" && u.place.exists():
		if ok, err := u.shielded(ctx, c); ok || err != nil {
			return started, err
		}
	}
	u.fb.step("replacing container " + c.Name + " (" + c.State + ")")
	return replaced, nil
}

// hasTree reports whether the container's worktree is still the branch's, with its branch.
func (u *bringUp) hasTree(ctx context.Context, c container.Container) (bool, error) {
	wt, found, err := u.wish.repo.Find(ctx, u.place.Now)
	if err != nil {
		return false, wrap(err, CodeWorktreeFailed)
	}
	if !found || wt.Path != c.Worktree {
		return false, nil
	}
	_, err = u.wish.repo.Restore(ctx, wt)
	return true, wrap(err, CodeWorktreeFailed)
}

// sameImage refuses a request for another image than the one that runs, which would silently not be honoured.
func (u *bringUp) sameImage(_ context.Context, c container.Container) error {
	if u.wish.image == "" {
		return nil
	}
	src, err := u.wish.source(c.Worktree)
	if err != nil {
		return err
	}
	same := src.Ref == c.Labels[container.LabelImageRef]
	if src.Kind == images.KindDockerfile {
		same = src.Dockerfile == c.Labels[container.LabelDockerfile]
	}
	if same {
		return nil
	}
	return Errorf(CodeInvalidArgument, "branch %q runs on image %s; to change it: %s",
		u.place.Now, imageName(c), hjk("recreate", u.place.Now, "--image", u.wish.image))
}

func imageName(c container.Container) string {
	if f := c.Labels[container.LabelDockerfile]; f != "" {
		return f
	}
	return c.Labels[container.LabelImageRef]
}
