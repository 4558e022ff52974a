package container

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// SightError means that an engine does not have a folder of this host, which a container was to be given.
type SightError struct{ Engine, Path string }

func (e *SightError) Error() string {
	return fmt.Sprintf("the engine at %s does not see %s of this host: it runs on another machine, or in a virtual machine or a container that has not "+
		"that folder at that path; use an engine of this host (unset DOCKER_HOST, docker context use default), or share the folder with it at the same path", e.Engine, e.Path)
}

// noImage is the id of an image that nobody has.
var noImage = "sha256:" + strings.Repeat("0", 64)

// Sees asks whether the engine has folders that this host has. It asks for a container that cannot be made, for want of an image: what is to be
// mounted is looked at before that, when the platform is told. An engine that looks the other way round, as Podman, sees everything.
func (e *Engine) Sees(ctx context.Context, paths ...string) error {
	host := &container.HostConfig{}
	for i, p := range paths {
		if _, err := os.Stat(p); err != nil {
			continue // it is not for the engine to have it
		}
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeBind, Source: p, Target: fmt.Sprintf("/%d", i), ReadOnly: true})
	}
	platform := &ocispec.Platform{OS: e.Info().OS, Architecture: e.Info().Arch}
	err := e.call(ctx, func(ctx context.Context) error {
		made, err := e.api.ContainerCreate(ctx, &container.Config{Image: noImage, Cmd: []string{"true"}}, host, &network.NetworkingConfig{}, platform, "")
		if err == nil {
			err = e.api.ContainerRemove(ctx, made.ID, container.RemoveOptions{Force: true})
		}
		return err
	})
	switch {
	case err == nil, errdefs.IsNotFound(err):
		return nil
	case IsUnreachable(err), ctx.Err() != nil:
		return err
	}
	return e.sight(err, host) // what else is wrong shows when the container is made
}

// sight is the SightError that an engine's refusal of a container means, nil where it means something else.
func (e *Engine) sight(refused error, host *container.HostConfig) error {
	for _, m := range host.Mounts {
		if _, err := os.Stat(m.Source); err == nil && unseen(refused.Error(), m.Source) {
			return &SightError{e.info.Host, m.Source}
		}
	}
	return nil
}

// unseen reads an engine's words: Docker's, those of Docker Desktop, and Podman's.
func unseen(text, path string) bool {
	if !strings.Contains(text, path) {
		return false
	}
	text = strings.ToLower(text)
	return strings.Contains(text, "does not exist") || strings.Contains(text, "not shared from") || strings.Contains(text, "mounts denied") || strings.Contains(text, "no such file")
}
