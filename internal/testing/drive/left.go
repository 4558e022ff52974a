package drive

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
)

// Dial connects to an engine.
func Dial(host string) (*client.Client, error) {
	return client.NewClientWithOpts(client.WithHost(host), client.WithAPIVersionNegotiation())
}

// IsPodman reports whether an engine is Podman.
func IsPodman(host string) (bool, error) {
	c, err := Dial(host)
	if err != nil {
		return false, err
	}
	defer func() { _ = c.Close() }()
	v, err := c.ServerVersion(context.Background())
	return slices.ContainsFunc(v.Components, func(p types.ComponentVersion) bool { return strings.HasPrefix(p.Name, "Podman") }), err
}

// Leftovers are the containers and volumes in an engine of repositories below dir.
func Leftovers(host, dir string) (containers, volumes []string, err error) {
	c, err := Dial(host)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = c.Close() }()
	f := filters.NewArgs(filters.Arg("label", "io.headjack.repo"))
	list, err := c.ContainerList(context.Background(), container.ListOptions{All: true, Filters: f})
	if err != nil {
		return nil, nil, err
	}
	for _, s := range list {
		if below(dir, s.Labels["io.headjack.repo"]) {
			containers = append(containers, s.ID)
		}
	}
	vols, err := c.VolumeList(context.Background(), volume.ListOptions{Filters: f})
	if err != nil {
		return containers, nil, err
	}
	for _, v := range vols.Volumes {
		if below(dir, v.Labels["io.headjack.repo"]) {
			volumes = append(volumes, v.Name)
		}
	}
	return containers, volumes, nil
}

// below reports whether a path is dir or in it. A beginning is not enough: scripts run side by side, and script-exec is how
// script-execends begins.
func below(dir, path string) bool {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(dir, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

// CleanUp deletes the Leftovers.
func CleanUp(host, dir string) error {
	containers, volumes, err := Leftovers(host, dir)
	if err != nil {
		return err
	}
	c, err := Dial(host)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for _, id := range containers {
		_ = c.ContainerRemove(context.Background(), id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	}
	for _, v := range volumes {
		_ = c.VolumeRemove(context.Background(), v, true)
	}
	return nil
}

// Kept are the worktrees, state folders and locks of instances of a user whose data and state folders are these.
func Kept(data, state string) ([]string, error) {
	var all []string
	for _, pattern := range []string{state + "/headjack/instances/*", state + "/headjack/locks/*", data + "/headjack/git/*"} {
		left, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		all = append(all, left...)
	}
	return all, nil
}

// Left is everything that is left of the rig's instances.
func (r *Rig) Left() ([]string, error) {
	containers, volumes, err := Leftovers(r.Host, r.Dir)
	if err != nil {
		return nil, err
	}
	kept, err := Kept(r.Dir+"/data", r.Dir+"/state")
	return append(append(containers, volumes...), kept...), err
}

// Processes are those that run the program at path.
func Processes(path string) []int {
	exes, _ := filepath.Glob("/proc/[0-9]*/exe")
	var pids []int
	for _, exe := range exes {
		if target, err := os.Readlink(exe); err == nil && target == path {
			pid, _ := strconv.Atoi(strings.Split(exe, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}
