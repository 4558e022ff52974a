package agents

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/images/devcontainer"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// extra is what a container gets of the devcontainer.json that its image is by.
type extra struct {
	env   []string
	ports []workspace.Port
	flags []container.Flag

	mounts []workspace.Mount
	caches []string // its volumes

	asks     []string // what of it needs the user's consent, and has none
	notTaken []string
}

// extra reads what a container is to get of the devcontainer.json at path. It is written by whoever can write a Dockerfile of the worktree,
// and may do no more: variables and harmless flags are as the Dockerfile's, and what reaches the host is asked for, value by value, as
// if .headjack.yaml said it.
func (m *Manager) extra(w wish, path, worktree string, image []string) (extra, error) {
	f, err := images.ReadDevcontainer(path, worktree)
	if err != nil {
		return extra{}, wrap(err, CodeInvalidConfig)
	}
	x := extra{}
	has := func(ask string) bool { return m.consent().Has(repoConsent(w.repo), ask) }
	x.takeEnv(f, worktree, image)
	var seen []workspace.Port // of one port inside the first word counts, and the settings' before it
	for _, p := range f.Ports {
		port := workspace.Port{Container: p.Container, Host: p.Host}
		switch ask := "ports=" + port.String(); {
		case slices.ContainsFunc(slices.Concat(w.config.Ports, seen), func(p workspace.Port) bool { return p.Container == port.Container }):
		case has(ask):
			x.ports = append(x.ports, port)
		default:
			x.asks = append(x.asks, ask)
		}
		seen = append(seen, port)
	}
	flags, refused := images.RunArgs(f.RunArgs)
	for _, flag := range flags {
		if ask := "runArgs=" + flag.String(); flag.Power() && !has(ask) {
			x.asks = append(x.asks, ask)
			continue
		}
		x.flags = append(x.flags, container.Flag{Key: flag.Key, Value: flag.Value})
	}
	for _, mount := range f.Mounts {
		if why := x.takeMount(mount, worktree, has); why != "" {
			refused = append(refused, devcontainer.NotTaken{Key: "the mount at " + mount.Target, Why: why})
		}
	}
	for _, name := range f.Unset {
		refused = append(refused, devcontainer.NotTaken{Key: "remoteEnv " + name, Why: "a variable cannot be taken away"})
	}
	if len(f.Setup) > 0 && len(w.config.Setup.Command.Words) > 0 {
		refused = append(refused, devcontainer.NotTaken{Key: "the commands of its lifecycle", Why: "setup of the settings is run instead"})
	}
	for _, n := range append(f.NotTaken, refused...) {
		x.notTaken = append(x.notTaken, n.String())
	}
	return x, nil
}

// takeMount takes a mount, or says why not. What is bound is asked for as a mount of .headjack.yaml is; a volume is a cache, which reaches
// nothing of the host.
func (x *extra) takeMount(mount devcontainer.Mount, worktree string, has func(ask string) bool) (refused string) {
	switch {
	case mount.Type == "volume" && !filepath.IsAbs(mount.Target):
		return "its target is no absolute path"
	case mount.Type == "volume" && inside(worktree, mount.Target):
		return "it lies in the worktree, of which each branch has its own"
	case mount.Type == "volume":
		x.caches = append(x.caches, mount.Target)
		return ""
	case mount.Type != "bind":
		return "hjk-ls knows the types bind and volume"
	case inside(worktree, mount.Source):
		return "its source lies in the worktree, which the container has anyway"
	}
	if _, err := os.Lstat(mount.Source); err != nil || !filepath.IsAbs(mount.Source) {
		return mount.Source + " is no path of this host"
	}
	m := workspace.Mount{Source: mount.Source, Target: mount.Target, ReadOnly: mount.ReadOnly}
	if ask := "mounts=" + m.String(); !has(ask) {
		x.asks = append(x.asks, ask)
		return ""
	}
	x.mounts = append(x.mounts, m)
	return ""
}

// defaultPath is the PATH of an image that says none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// takeEnv takes containerEnv and remoteEnv, which both are the container's here. Variables of the container are the image's.
func (x *extra) takeEnv(f *devcontainer.File, worktree string, image []string) {
	of := map[string]string{"PATH": defaultPath}
	for _, kv := range image {
		name, value, _ := strings.Cut(kv, "=")
		of[name] = value
	}
	for _, all := range []map[string]string{f.ContainerEnv, f.RemoteEnv} {
		set := map[string]string{}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if workspace.EnvName(name) != nil || strings.ContainsRune(all[name], 0) {
				x.notTaken = append(x.notTaken, "the variable "+name)
				continue
			}
			set[name], _ = devcontainer.Variables{Folder: worktree, Env: of}.Expand(all[name])
		}
		for _, name := range slices.Sorted(maps.Keys(set)) {
			x.env = append(x.env, name+"="+set[name])
		}
		maps.Copy(of, set)
	}
}

// lifecycle are the commands of the devcontainer.json that the image of an instance is by, in its worktree: they run inside, once, as the
// setup of the settings does. They are the repository's.
func (w wish) lifecycle(p place, worktree string) (workspace.Commands, error) {
	w.keepRequest(p)
	unknown := func(err error) (workspace.Commands, error) {
		return workspace.Commands{}, Errorf(CodeInvalidConfig, "the setup of branch %q is not known: %w; correct the file, or go past the setup: %s",
			p.Now, err, hjk("run", p.Now, "--no-setup"))
	}
	src, err := w.source(worktree)
	switch {
	case as[*images.DevcontainerError](err):
		return unknown(err)
	case err != nil || src.Devcontainer == "": // an image that is not there any more has no commands
		return workspace.Commands{}, nil
	}
	f, err := images.ReadDevcontainer(src.Devcontainer, cmp.Or(src.Tree, worktree))
	if err != nil {
		return unknown(err)
	}
	c := workspace.Commands{Repository: true, File: src.Devcontainer}
	for _, words := range f.Setup {
		if len(words) == 1 {
			words = workspace.InShell(words[0])
		}
		if words[0] != "" && !strings.ContainsRune(strings.Join(words, ""), 0) {
			c.Words = append(c.Words, words)
		}
	}
	return c, nil
}

// takeDevcontainer gets the user's consent to what the devcontainer.json of an image asks for. What is not agreed to is left out, and the
// work goes on: such a file was written for others.
func (m *Manager) takeDevcontainer(w wish, img images.Image, worktree string, fb Feedback) (extra, error) {
	path := img.Source.Devcontainer
	if path == "" {
		return extra{}, nil
	}
	x, err := m.extra(w, path, cmp.Or(img.Source.Tree, worktree), img.Env)
	if err != nil || len(x.asks) == 0 {
		return x, err
	}
	kept := "kept:" + w.repo.Root
	answer := Allowed
	switch {
	case w.allow:
	case !slices.ContainsFunc(x.asks, func(ask string) bool { return !m.consent().Has(kept, ask) }):
		return x, nil // refused before
	default:
		answer = fb.ask(path, x.asks)
	}
	switch answer {
	case Allowed:
		if err := m.consent().Add(repoConsent(w.repo), x.asks); err != nil {
			return x, m.forgetful(err)
		}
		if w.allow {
			fb.step("allowed for " + w.repo.Root + ", and remembered: " + strings.Join(x.asks, ", "))
		}
		return m.extra(w, path, cmp.Or(img.Source.Tree, worktree), img.Env)
	case Refused:
		if err := m.consent().Add(kept, x.asks); err != nil {
			return x, m.forgetful(err)
		}
	}
	return x, nil
}

// notTaken tells what of the devcontainer.json that an image is by, or that was passed over, hjk-ls does not obey.
func (m *Manager) notTaken(w wish, src images.Source, worktree string) []string {
	file := cmp.Or(src.Devcontainer, src.Passed)
	if file == "" {
		return nil
	}
	x, err := m.extra(w, file, cmp.Or(src.Tree, worktree), nil)
	if err != nil {
		return nil // it was read a moment ago
	}
	name := below(cmp.Or(src.Tree, worktree), file)
	var notes []string
	if src.Passed != "" {
		x.notTaken = slices.Insert(x.notTaken, 0, "it is passed over, as "+images.ErrNoImage.Error())
		x.asks = nil
	}
	if len(x.notTaken) > 0 {
		notes = append(notes, fmt.Sprintf("%s: not taken: %s", name, strings.Join(x.notTaken, "; ")))
	}
	if len(x.asks) > 0 {
		notes = append(notes, fmt.Sprintf("%s asks for %s, which is left out; --allow-privileges of run or recreate allows it",
			name, strings.Join(x.asks, ", ")))
	}
	return notes
}
