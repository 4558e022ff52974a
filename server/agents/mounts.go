package agents

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// mounting is the making of the mounts and caches that the settings give a container.
type mounting struct {
	m     *Manager
	eng   *engine
	w     wish
	p     place
	wt    workspace.Worktree
	home  string            // in the container
	masks []container.Mount // that the container has in its worktree
	paths hostPaths
	trees []string // worktrees of other instances, and where they are made

	taken []string // targets of read-write things of before: an agent could put links there
	all   []string // targets of before
}

func (m *Manager) mounting(ctx context.Context, eng *engine, w wish, p place, wt workspace.Worktree, home string, masks []container.Mount) (*mounting, error) {
	x := &mounting{m: m, eng: eng, w: w, p: p, wt: wt, home: home, masks: masks}
	all, err := eng.List(ctx, container.ListOptions{})
	if err != nil {
		return nil, err
	}
	roots := []string{wt.Path}
	for _, c := range all {
		roots = append(roots, c.Worktree)
		if c.Repo != p.Repo || c.Branch != p.Branch {
			x.trees = append(x.trees, c.Worktree)
		}
		for _, b := range c.Mounts {
			if !b.ReadOnly {
				roots = append(roots, b.Source)
			}
		}
	}
	x.trees = append(x.trees, w.config.Worktrees)
	x.paths = m.hostPathsOf(w.repo, w.config, roots...)
	return x, nil
}

// add lays what the settings mount over what the container has.
func (x *mounting) add(e *container.Extras) error {
	for _, c := range x.w.config.Mounts {
		if err := x.mount(e, c); err != nil {
			return err
		}
	}
	for _, path := range x.w.config.Caches {
		if err := x.cache(e, path); err != nil {
			return err
		}
	}
	return nil
}

// addExtra lays what a devcontainer.json mounts beside that. It was written for others: what cannot be is left out, and told.
func (x *mounting) addExtra(e *container.Extras, more extra, file string, fb Feedback) {
	tell := func(err error) {
		if err != nil {
			fb.step(below(x.wt.Path, file) + ": left out: " + err.Error())
		}
	}
	for _, c := range more.mounts {
		tell(x.mount(e, c))
	}
	for _, path := range more.caches {
		tell(x.cache(e, path))
	}
}

func (x *mounting) mount(e *container.Extras, c workspace.Mount) error {
	source, fi, err := x.source(c)
	if err != nil {
		return err
	}
	target, err := x.target("mounts", c.Target)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(x.wt.Path, target); err == nil && filepath.IsLocal(rel) {
		if err := x.point(rel, fi.IsDir()); err != nil {
			return err
		}
	}
	e.Mounts = append(e.Mounts, container.Mount{Source: source, Target: target, ReadOnly: c.ReadOnly})
	x.note(target, !c.ReadOnly)
	return nil
}

func (x *mounting) cache(e *container.Extras, path string) error {
	target, err := x.target("caches", path)
	if err != nil {
		return err
	}
	if inside(x.wt.Path, target) {
		return refusedThing("caches", path, "it lies in the worktree, of which each branch has its own", "name a folder of the home, or of the image")
	}
	e.Caches = append(e.Caches, container.Cache{Volume: x.m.cacheVolume(x.w, x.p, path), Target: target, Path: path, State: x.m.opts.StateDir})
	x.note(target, true)
	return nil
}

func (x *mounting) note(target string, writable bool) {
	x.all = append(x.all, target)
	if writable {
		x.taken = append(x.taken, target)
	}
}

func refusedThing(key, path, why, advice string) error {
	return Errorf(CodeInvalidConfig, "%s: %s: %s; %s", key, path, why, advice)
}

// source is the file or folder that is mounted, with no link on its way. An agent must get by it neither the engine, nor what is
// hjk-ls's own, nor what git on the host believes.
func (x *mounting) source(c workspace.Mount) (string, fs.FileInfo, error) {
	refuse := func(why, advice string) (string, fs.FileInfo, error) {
		return "", nil, refusedThing("mounts", c.Source, why, advice)
	}
	source, err := x.paths.find(c.Source)
	var fi fs.FileInfo
	if err == nil {
		fi, err = os.Lstat(source)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refuse("it is not there ("+x.paths.expand(c.Source)+")", "make it, or take it out of mounts")
	case err != nil:
		return refuse(err.Error(), "correct mounts")
	case !fi.IsDir() && !fi.Mode().IsRegular() && fi.Mode()&fs.ModeSocket == 0:
		return refuse("it is neither a file nor a folder", "devices are named in devices")
	}
	env := container.Env{Getenv: x.m.opts.Getenv, Home: x.m.opts.Home, UID: x.m.opts.UID}
	for _, socket := range x.eng.Sockets(env) {
		if si, err := os.Lstat(resolved(socket)); err == nil && (inside(source, socket) || os.SameFile(fi, si)) {
			return refuse("the engine's socket "+socket+" is in it, by which an agent would have this host", "mount a folder that does not hold it; agents that need an engine have the image dind")
		}
	}
	for _, own := range []string{x.m.opts.StateDir, filepath.Dir(x.m.opts.ConfigFile)} {
		if own != "" && (inside(source, own) || inside(own, source)) {
			return refuse(own+" is hjk-ls's own", "an agent there could change what you have allowed: mount a folder beside it")
		}
	}
	return source, fi, x.outsideGit(c, source)
}

// outsideGit refuses git directories, and what other instances work with.
func (x *mounting) outsideGit(c workspace.Mount, source string) error {
	refuse := func(why, advice string) error { return refusedThing("mounts", c.Source, why, advice) }
	if git := x.w.repo.CommonDir; inside(source, git) || inside(git, source) {
		return refuse("the repository's own git directory "+git+" is in it, or it lies there", "mount a folder of the checkout; git inside has what it needs")
	}
	if slices.Contains(strings.Split(source, "/"), ".git") {
		return refuse("it lies in a git directory, which git on this host believes", "mount something else")
	}
	if _, err := os.Lstat(filepath.Join(source, ".git")); err == nil && !c.ReadOnly {
		return refuse("it is a checkout, and what an agent writes into its .git runs on this host", "set readOnly: true, or mount folders below it")
	}
	for _, tree := range x.trees {
		if tree != "" && inside(source, tree) || tree == x.w.config.Worktrees && inside(tree, source) {
			return refuse("worktrees of instances are in it, or it lies in one", "mount a folder that has none")
		}
	}
	if inside(x.wt.Path, source) {
		return refuse("it lies in the worktree, which the container has anyway", "take it out of mounts")
	}
	return nil
}

// target is where something is mounted in the container: beside what it has, not over it.
func (x *mounting) target(key, path string) (string, error) {
	refuse := func(why, advice string) (string, error) { return "", refusedThing(key, path, why, advice) }
	target := filepath.Join(x.wt.Path, path)
	switch {
	case path == "~" || strings.HasPrefix(path, "~/"):
		target = filepath.Join(x.home, path[1:])
	case filepath.IsAbs(path):
		target = path
	case !filepath.IsLocal(path):
		return refuse("it leads out of the worktree", "give the mount a target inside of it, or an absolute one")
	}
	own := filepath.Dir(shim.BinDir)
	for _, has := range []string{x.wt.Path, x.home, own} {
		if lexically(target, has) {
			return refuse("it would cover "+has+", which is the container's own", "choose another place")
		}
	}
	if lexically(own, target) {
		return refuse(own+" is hjk-ls's own", "choose another place")
	}
	if slices.ContainsFunc(strings.Split(target, "/"), func(part string) bool { return strings.EqualFold(part, ".git") }) {
		return refuse("it is a place of git's", "choose one that is not in a .git")
	}
	for _, m := range x.masks {
		if lexically(target, m.Target) || lexically(m.Target, target) {
			return refuse("it is at, above or in "+m.Target+", which is mounted already", "choose another place")
		}
	}
	for _, t := range x.all {
		if lexically(target, t) || slices.Contains(x.taken, t) && lexically(t, target) {
			return refuse("it is at, above or in "+t+", where the settings mount something else", "choose another place")
		}
	}
	return target, nil
}

// lexically reports whether a path is a folder, or lies in it, whatever is there.
func lexically(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// point makes the place in the worktree that something is mounted on: the engine would make it as root. No link is followed.
func (x *mounting) point(rel string, folder bool) error {
	refuse := func(err error) error {
		return refusedThing("mounts", filepath.Join(x.wt.Path, rel), err.Error(), "see what is there, and take it away")
	}
	root, err := os.OpenRoot(x.wt.Path)
	if err != nil {
		return refuse(err)
	}
	defer root.Close()
	at := ""
	parts := strings.Split(rel, "/")
	for i, part := range parts {
		at = filepath.Join(at, part)
		wantsFolder := folder || i < len(parts)-1
		if wantsFolder {
			err = root.Mkdir(at, 0o755)
		} else {
			var f *os.File
			if f, err = root.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644); err == nil {
				err = f.Close()
			}
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return refuse(err)
		}
		if fi, err := root.Lstat(at); err != nil || fi.IsDir() != wantsFolder || !fi.IsDir() && !fi.Mode().IsRegular() {
			return refuse(errors.New("something is there that nothing can be mounted on"))
		}
	}
	return nil
}
