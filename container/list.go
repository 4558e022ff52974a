package container

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
)

// ListOptions narrow List; empty fields do not.
type ListOptions struct{ Repo, Branch, ID string }

// List tells the containers of instances, running or not, in one call. The engine's list has no start time; Inspect
// has.
func (e *Engine) List(ctx context.Context, o ListOptions) ([]Container, error) {
	f := filters.NewArgs()
	switch {
	case o.Repo != "":
		f.Add("label", LabelRepo+"="+o.Repo)
	default:
		f.Add("label", LabelRepo)
	}
	if o.ID != "" {
		f.Add("id", o.ID)
	}
	if o.Branch != "" {
		f.Add("label", LabelBranch+"="+o.Branch)
	}
	var all []container.Summary
	err := e.call(ctx, func(ctx context.Context) (err error) {
		all, err = e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: f})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	out := make([]Container, 0, len(all))
	for _, s := range all {
		out = append(out, summary(s))
	}
	return out, nil
}

// ImagesInUse tells the ids of the images that any container uses, of hjk-ls or not, running or not.
func (e *Engine) ImagesInUse(ctx context.Context) (map[string]bool, error) {
	used := map[string]bool{}
	err := e.call(ctx, func(ctx context.Context) error {
		all, err := e.api.ContainerList(ctx, container.ListOptions{All: true})
		for _, s := range all {
			used[s.ImageID] = true
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	return used, nil
}

func summary(s container.Summary) Container {
	c := Container{
		ID: s.ID, State: state(s.State), ImageID: s.ImageID, CreatedAt: time.Unix(s.Created, 0).UTC(), Labels: s.Labels,
		Repo: s.Labels[LabelRepo], Branch: s.Labels[LabelBranch], Worktree: s.Labels[LabelWorktree],
		ExitCode: exitStatus(s.Status),
	}
	for _, m := range s.Mounts {
		if m.Type == mount.TypeBind {
			c.Mounts = append(c.Mounts, Mount{Source: onHost(m.Source), Target: m.Destination, ReadOnly: !m.RW})
		}
	}
	if len(s.Names) > 0 {
		c.Name = strings.TrimPrefix(s.Names[0], "/")
	}
	return c
}

var exitedStatus = regexp.MustCompile(`^Exited \((-?\d+)\)`)

// exitStatus reads the code from a status such as "Exited (137) 3 minutes ago"; the list has it nowhere else.
func exitStatus(status string) *int {
	m := exitedStatus.FindStringSubmatch(status)
	if m == nil {
		return nil
	}
	code, err := strconv.Atoi(m[1])
	if err != nil {
		return nil
	}
	return &code
}

// Inspect tells one container, with its start time.
func (e *Engine) Inspect(ctx context.Context, id string) (Container, error) {
	res, err := e.inspect(ctx, id)
	if err != nil {
		return Container{}, err
	}
	return inspected(res), nil
}

func (e *Engine) inspect(ctx context.Context, id string) (res container.InspectResponse, err error) {
	err = e.call(ctx, func(ctx context.Context) (err error) {
		res, err = e.api.ContainerInspect(ctx, id)
		return err
	})
	return res, err
}

func inspected(res container.InspectResponse) Container {
	c := Container{
		ID: res.ID, Name: strings.TrimPrefix(res.Name, "/"), State: state(res.State.Status), ImageID: res.Image,
		Labels: res.Config.Labels, Repo: res.Config.Labels[LabelRepo], Branch: res.Config.Labels[LabelBranch],
		Worktree: res.Config.Labels[LabelWorktree],
	}
	c.CreatedAt, _ = time.Parse(time.RFC3339Nano, res.Created)
	c.StartedAt, _ = time.Parse(time.RFC3339Nano, res.State.StartedAt)
	if c.State == "exited" || c.State == "dead" {
		c.ExitCode = &res.State.ExitCode
	}
	return c
}

// Stop sends the stop signal and, when grace is over, SIGKILL. One that is gone or stopped is no error.
func (e *Engine) Stop(ctx context.Context, id string, grace time.Duration) error {
	seconds := int(grace / time.Second)
	err := e.end(ctx, "stop", id, func(ctx context.Context) error {
		return e.api.ContainerStop(ctx, id, container.StopOptions{Timeout: &seconds})
	})
	if err != nil {
		return err
	}
	return e.awaitListed(ctx, id)
}

// awaitListed waits until the engine's list has a stopped container as such. The list of Docker 26 lags behind: it has one as
// running for some milliseconds after the request that stopped it was answered.
func (e *Engine) awaitListed(ctx context.Context, id string) error {
	for end := time.Now().Add(2 * time.Second); ; {
		all, err := e.List(ctx, ListOptions{ID: id})
		if err != nil || len(all) == 0 || all[0].State != container.StateRunning || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Remove deletes a container, running or not, and its anonymous volumes. One that is gone is no error.
func (e *Engine) Remove(ctx context.Context, id string) error {
	err := e.end(ctx, "remove", id, func(ctx context.Context) error {
		return e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	})
	if err == nil || !errdefs.IsConflict(err) {
		return err
	}
	return e.awaitGone(ctx, id) // somebody else removes it just now
}

func (e *Engine) awaitGone(ctx context.Context, id string) error {
	for {
		if _, err := e.Inspect(ctx, id); err != nil {
			return gone(err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// RemoveVolume deletes a volume. One that is gone is no error.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	return e.end(ctx, "remove volume", name, func(ctx context.Context) error { return e.api.VolumeRemove(ctx, name, true) })
}

// Unpause lets a paused container go on.
func (e *Engine) Unpause(ctx context.Context, id string) error {
	return e.end(ctx, "unpause", id, func(ctx context.Context) error { return e.api.ContainerUnpause(ctx, id) })
}

// Rename gives a container another name.
func (e *Engine) Rename(ctx context.Context, id, name string) error {
	if err := e.call(ctx, func(ctx context.Context) error { return e.api.ContainerRename(ctx, id, name) }); err != nil {
		return fmt.Errorf("rename container to %s: %w", name, err)
	}
	return nil
}

// end makes a call after which something is to be gone or ended.
func (e *Engine) end(ctx context.Context, verb, id string, f func(context.Context) error) error {
	if err := gone(e.call(ctx, f)); err != nil {
		return fmt.Errorf("%s %s: %w", verb, id, err)
	}
	return nil
}

// IsNotRunning reports whether err says that a container has stopped running.
func IsNotRunning(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	for _, words := range podmanNotRunning {
		if strings.Contains(text, words) {
			return true
		}
	}
	return errdefs.IsConflict(err) && strings.Contains(text, "is not running")
}

// gone forgives what is already as wanted.
func gone(err error) error {
	if errdefs.IsNotFound(err) || errdefs.IsNotModified(err) {
		return nil
	}
	return err
}
