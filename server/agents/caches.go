package agents

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/internal/system"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// CacheInfo is a folder that all branches of a repository share.
type CacheInfo struct {
	Repo   string `json:"repo"`
	Path   string `json:"path"` // as the settings name it
	Volume string `json:"volume"`
	Unused bool   `json:"unused"` // no instance of the repository is left: prune removes it
}

// cacheVolume names the volume of a cache. Another repository has another one, also one that is made at the same path later.
func (m *Manager) cacheVolume(w wish, p place, path string) string {
	id := ""
	if fi, err := os.Lstat(w.repo.CommonDir); err == nil {
		_, ino, _ := system.FileNumbers(fi)
		id = fmt.Sprint(ino)
	}
	return workspace.InstanceName(p.Repo+"\x00"+id, path) + "-cache"
}

// caches are the caches in the engine of repositories that this user's hjk-ls has, or had, instances of.
func (m *Manager) caches(ctx context.Context, eng *engine) ([]CacheInfo, error) {
	all, err := eng.Caches(ctx)
	if err != nil || len(all) == 0 {
		return []CacheInfo{}, err
	}
	used := map[string]bool{}
	containers, err := eng.List(ctx, container.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, c := range containers {
		used[c.Repo] = true
	}
	places, err := m.places()
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		used[p.Repo] = true
	}
	out := []CacheInfo{}
	for _, v := range all {
		if v.State != m.opts.StateDir {
			continue
		}
		out = append(out, CacheInfo{Repo: v.Repo, Path: v.Path, Volume: v.Name, Unused: !used[v.Repo]})
	}
	slices.SortFunc(out, func(a, b CacheInfo) int { return cmp.Or(cmp.Compare(a.Repo, b.Repo), cmp.Compare(a.Path, b.Path)) })
	return out, nil
}

// pruneCaches removes those of repositories without an instance, with all every one that no container has.
func (m *Manager) pruneCaches(ctx context.Context, eng *engine, a PruneArgs, fb Feedback) ([]CacheInfo, error) {
	all, err := m.caches(ctx, eng)
	if err != nil {
		return nil, err
	}
	gone := []CacheInfo{}
	for _, c := range all {
		if !c.Unused && !a.Caches {
			continue
		}
		if used, err := eng.VolumeInUse(ctx, c.Volume); err != nil || used {
			if err != nil {
				return gone, err
			}
			continue
		}
		if !a.DryRun {
			fb.step("removing cache " + c.Path + " of " + c.Repo)
			if err := eng.RemoveVolume(ctx, c.Volume); err != nil && !errdefs.IsConflict(err) {
				return gone, err
			}
		}
		gone = append(gone, c)
	}
	return gone, nil
}
