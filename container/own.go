package container

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/podman"
)

// ownTimeout bounds a container that gives folders to their user: it changes a few hundred thousand of them a minute.
const ownTimeout = 5 * time.Minute

// Own gives the folders at and below dir to user, "uid:gid", who may not change what somebody else made there. It is done by a
// container of any image that is there, which has the folder and the helper at shimPath and nothing else: no network, no program
// of the image.
func (e *Engine) Own(ctx context.Context, dir, user, shimPath string) error {
	at, err := distrust.Locate(filepath.Dir(dir), filepath.Base(dir))
	if err != nil {
		return err
	}
	images, err := e.someImages(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, ownTimeout, fmt.Errorf("it took longer than %v", ownTimeout))
	defer cancel()
	err = errors.New("the engine has no image to do it with; pull any")
	for _, image := range images { // one for another platform may not do
		if err = e.ownWith(ctx, image, at.Path, user, shimPath); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// mostTried is how many images are tried.
const mostTried = 5

func (e *Engine) someImages(ctx context.Context) (ids []string, err error) {
	err = e.call(ctx, func(ctx context.Context) error {
		all, err := podman.Settle(ctx, func() ([]image.Summary, error) { return e.api.ImageList(ctx, image.ListOptions{}) })
		for _, i := range all[:min(len(all), mostTried)] {
			ids = append(ids, i.ID)
		}
		return err
	})
	return ids, err
}

func (e *Engine) ownWith(ctx context.Context, image, dir, user, shimPath string) error {
	cfg := &container.Config{
		Image: image, Entrypoint: []string{shim.Path, "own", "--user", user}, Cmd: []string{}, User: "0:0", WorkingDir: "/",
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	host := &container.HostConfig{
		NetworkMode: "none", ReadonlyRootfs: true, CapDrop: []string{"ALL"}, CapAdd: []string{"CHOWN", "DAC_OVERRIDE", "FOWNER"},
		SecurityOpt: []string{"no-new-privileges"},
		Mounts: []mount.Mount{
			{Type: mount.TypeBind, Source: filepath.Dir(shimPath), Target: shim.BinDir, ReadOnly: true},
			{Type: mount.TypeBind, Source: dir, Target: shim.OwnDir},
		},
	}
	e.exempt(host)
	host, err := e.bindable(host)
	if err != nil {
		return err
	}
	var made container.CreateResponse
	err = e.call(ctx, func(ctx context.Context) (err error) {
		made, err = e.api.ContainerCreate(ctx, cfg, host, &network.NetworkingConfig{}, nil, "")
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range told(made.Warnings) {
		e.log.Warn("a container that gives a folder to its user", zap.String("warning", w))
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), createGrace)
		defer cancel()
		_ = e.Remove(late, made.ID)
	}()
	if err := e.start(ctx, made.ID); err != nil {
		return err
	}
	return e.succeeded(ctx, made.ID)
}

// succeeded waits for a container to end, well.
func (e *Engine) succeeded(ctx context.Context, id string) error {
	ended, failed := e.api.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	select {
	case res := <-ended:
		if res.StatusCode != 0 {
			return &ExitedError{Code: int(res.StatusCode), Log: e.tail(ctx, id)}
		}
		return nil
	case err := <-failed:
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if errdefs.IsNotFound(err) {
			return errors.New("the container was removed meanwhile")
		}
		return err
	}
}
