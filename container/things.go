package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// Labels of what the settings mount: targets, a line each. A cache's volume has its repository and its place.
const (
	LabelMounts    = "io.headjack.mounts"
	LabelCaches    = "io.headjack.caches"
	LabelCacheRepo = "io.headjack.cache-repo"
	LabelCachePath = "io.headjack.cache-path"
	labelCacheOf   = "io.headjack.cache-state"
)

// Cache is a volume that several containers of a repository share.
type Cache struct {
	Volume, Target string
	Path           string // as the settings name it
	State          string // the state folder of who made it: one engine can be several users'
}

// CacheVolume is one that the engine has.
type CacheVolume struct{ Name, Repo, Path, State string }

// things are the mounts that the settings give a container.
func (s Spec) things() (all []mount.Mount) {
	for _, m := range s.Mounts {
		all = append(all, mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly})
	}
	for _, c := range s.Caches {
		all = append(all, mount.Mount{Type: mount.TypeVolume, Source: c.Volume, Target: c.Target})
	}
	return all
}

// makeCaches makes those volumes that are not there yet. One that came with its container would have no labels with Podman.
func (e *Engine) makeCaches(ctx context.Context, s Spec) error {
	for _, c := range s.Caches {
		err := e.call(ctx, func(ctx context.Context) error {
			_, err := e.api.VolumeCreate(ctx, volume.CreateOptions{
				Name: c.Volume, Labels: map[string]string{LabelCacheRepo: s.Repo, LabelCachePath: c.Path, labelCacheOf: c.State},
			})
			return err
		})
		if err != nil {
			return fmt.Errorf("make the volume of cache %s: %w", c.Path, err)
		}
	}
	return nil
}

func (s Spec) cacheTargets() (all []string) {
	for _, c := range s.Caches {
		all = append(all, c.Target)
	}
	return all
}

func (s Spec) mountTargets() (all []string) {
	for _, m := range s.Mounts {
		all = append(all, m.Target)
	}
	return all
}

// ofSettings reports whether a container's mount is one of the settings.
func ofSettings(labels map[string]string, target string) bool {
	for _, t := range strings.Split(labels[LabelMounts], "\n") {
		if t == target {
			return true
		}
	}
	return false
}

// landings looks where the mounts of the settings would come to lie in a container that does not run. The image, and what an agent has
// left in its home, may lead them elsewhere by a link: over the helper, the worktree or the home they must not come.
func (e *Engine) landings(ctx context.Context, res container.InspectResponse) error {
	labels := res.Config.Labels
	if e.isPodman() {
		return e.noLinks(ctx, res)
	}
	for _, target := range strings.Split(labels[LabelMounts]+"\n"+labels[LabelCaches], "\n") {
		if _, inTree := below(labels[LabelWorktree], target); target == "" || inTree { // which is looked at below it
			continue
		}
		real, err := e.lands(ctx, res.ID, target)
		if err != nil {
			return fmt.Errorf("look where %s is mounted: %w", target, err)
		}
		if real != target && overlaps(real, labels) {
			return mountsError(fmt.Errorf("%s would be mounted on %s, by a symbolic link of the image or in the home (or take it out of the settings, and recreate)", target, real))
		}
	}
	return nil
}

// noLinks is landings for Podman, which follows links of a stopped container otherwise when it is asked than when it starts it: a container
// of its own, with the image and the home and nothing else that an agent wrote, tells whether there is any link.
func (e *Engine) noLinks(ctx context.Context, res container.InspectResponse) error {
	labels := res.Config.Labels
	argv := []string{shim.Path, "links", labels[LabelHome]}
	for _, target := range strings.Split(labels[LabelMounts]+"\n"+labels[LabelCaches], "\n") {
		if _, inTree := below(labels[LabelWorktree], target); target != "" && !inTree {
			argv = append(argv, target)
		}
	}
	if len(argv) == 3 {
		return nil
	}
	host := &container.HostConfig{
		NetworkMode: "none", ReadonlyRootfs: true, CapDrop: []string{"ALL"}, CapAdd: []string{"DAC_OVERRIDE"}, SecurityOpt: []string{"no-new-privileges"},
	}
	for _, m := range res.Mounts {
		switch m.Destination {
		case shim.BinDir:
			host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: shim.BinDir, ReadOnly: true})
		case labels[LabelHome]:
			host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeVolume, Source: m.Name, Target: shim.HomeDir})
		}
	}
	cfg := &container.Config{
		Image: res.Image, Entrypoint: argv, Cmd: []string{}, User: "0:0", WorkingDir: "/",
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	err := e.oneOff(ctx, cfg, host)
	var ended *ExitedError
	if errors.As(err, &ended) {
		return mountsError(errors.New(ended.Log))
	}
	return err
}

// oneOff runs a container to its end, and removes it.
func (e *Engine) oneOff(ctx context.Context, cfg *container.Config, host *container.HostConfig) error {
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

// overlaps reports whether something at a path in the container would cover what is hjk-ls's own, the worktree or the home.
func overlaps(path string, labels map[string]string) bool {
	holds := func(dir, path string) bool {
		rel, err := filepath.Rel(dir, path)
		return dir != "" && err == nil && filepath.IsLocal(rel)
	}
	own, worktree := filepath.Dir(shim.BinDir), labels[LabelWorktree]
	return holds(own, path) || holds(path, own) || holds(worktree, path) || holds(path, worktree) || labels[LabelHome] != "" && holds(path, labels[LabelHome])
}

// lands follows the links of a path in a container.
func (e *Engine) lands(ctx context.Context, id, path string) (string, error) {
	at := "/"
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, part := range parts {
		next := filepath.Join(at, part)
		var st container.PathStat
		err := e.call(ctx, func(ctx context.Context) (err error) {
			st, err = e.api.ContainerStatPath(ctx, id, next)
			return err
		})
		switch {
		case errdefs.IsNotFound(err):
			return filepath.Join(next, filepath.Join(parts[i+1:]...)), nil
		case err != nil:
			return "", err
		case st.Mode&os.ModeSymlink != 0 && st.LinkTarget != "":
			at = filepath.Clean(st.LinkTarget)
		default:
			at = next
		}
	}
	return at, nil
}

// Caches are the volumes that containers of repositories share.
func (e *Engine) Caches(ctx context.Context) (all []CacheVolume, err error) {
	err = e.call(ctx, func(ctx context.Context) error {
		res, err := e.api.VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("label", LabelCacheRepo))})
		for _, v := range res.Volumes {
			all = append(all, CacheVolume{Name: v.Name, Repo: v.Labels[LabelCacheRepo], Path: v.Labels[LabelCachePath], State: v.Labels[labelCacheOf]})
		}
		return err
	})
	return all, err
}

// HasVolume reports whether the engine has a volume.
func (e *Engine) HasVolume(ctx context.Context, name string) (bool, error) {
	err := e.call(ctx, func(ctx context.Context) error {
		_, err := e.api.VolumeInspect(ctx, name)
		return err
	})
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// VolumeInUse reports whether a container, running or not, has a volume. Podman would remove that container with the volume.
func (e *Engine) VolumeInUse(ctx context.Context, name string) (used bool, err error) {
	err = e.call(ctx, func(ctx context.Context) error {
		all, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("volume", name))})
		used = len(all) > 0
		return err
	})
	return used, err
}

// Sockets are where engines of this host may be reached: who can write to one has the host.
func (e *Engine) Sockets(env Env) []string {
	all := append(wellKnown(env), "/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock", "/run/crio/crio.sock",
		"/var/run/cri-dockerd.sock", "/run/buildkit/buildkitd.sock")
	for _, host := range []string{e.info.Host, env.Getenv("DOCKER_HOST"), env.Getenv("CONTAINER_HOST")} {
		if path, ok := strings.CutPrefix(host, "unix://"); ok {
			all = append(all, path)
		}
	}
	return all
}

// Filled gives a home files of its user: a tar archive that the helper unpacks as that user.
func (e *Engine) Filled(ctx context.Context, id, user, home string, archive []byte) error {
	ans, err := e.run(ctx, id, user, archive, shim.Path, "fill", home)
	if err == nil && ans.code != 0 {
		err = ans.failure()
	}
	if err != nil {
		return fmt.Errorf("copy files into the home: %w", err)
	}
	return nil
}

// userFlags tell the helper whose the container is, and which folders are to be that user's.
func userFlags(user, home string, caches []string) []string {
	flags := []string{"--user", user, "--home", home}
	for _, c := range caches {
		flags = append(flags, "--cache", c)
	}
	return flags
}

func cachesOf(labels map[string]string) []string {
	if labels[LabelCaches] == "" {
		return nil
	}
	return strings.Split(labels[LabelCaches], "\n")
}
