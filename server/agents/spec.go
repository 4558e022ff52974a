package agents

import (
	"context"
	"fmt"
	"slices"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// user is who sessions run as: the host's user, so that the files an agent makes belong to it. In a rootless engine
// the container's root is that user.
func (m *Manager) user(eng *engine) string {
	if eng.Info().Rootless {
		return "0:0"
	}
	return fmt.Sprintf("%d:%d", m.opts.UID, m.opts.GID)
}

// spec says how the container of an instance is made. Power the image's labels ask for must have been allowed.
func (m *Manager) spec(ctx context.Context, eng *engine, w wish, p place, wt workspace.Worktree, img images.Image, fb Feedback) (container.Spec, error) {
	if err := runnable(eng, img); err != nil {
		return container.Spec{}, err
	}
	if err := m.apart(ctx, eng, w, p, wt); err != nil {
		return container.Spec{}, err
	}
	init, flags, err := m.labels(eng, w, img, fb)
	if err != nil {
		return container.Spec{}, err
	}
	more, err := m.takeDevcontainer(w, img, wt.Path, fb)
	if err != nil {
		return container.Spec{}, err
	}
	w.config.Ports, flags = slices.Concat(w.config.Ports, more.ports), append(flags, more.flags...)
	home, err := eng.ImageHome(ctx, img.ID, img.User)
	if err != nil {
		return container.Spec{}, err
	}
	masks, err := gitBinds(ctx, w, wt, p)
	if err != nil {
		return container.Spec{}, err
	}
	mounts, err := m.sshAgent(w.config)
	if err != nil {
		return container.Spec{}, err
	}
	env, err := proxies(eng, w.config)
	if err != nil {
		return container.Spec{}, err
	}
	authorities, trusts, err := m.trust(w.config, p, slices.Concat(img.Env, more.env))
	if err != nil {
		return container.Spec{}, err
	}
	mounts = append(mounts, authorities...)
	env = append(append(slices.Concat(more.env, env, trusts), gitEnv(wt.Path)...), "HJK_BRANCH="+p.Now, "HJK_INSTANCE="+p.name)
	own := extras(w.config)
	things, err := m.mounting(ctx, eng, w, p, wt, home, masks)
	if err == nil {
		err = things.add(&own)
	}
	if err != nil {
		return container.Spec{}, err
	}
	things.addExtra(&own, more, img.Source.Devcontainer, fb)
	r := w.config.Resources
	return container.Spec{
		Extras:          own,
		NoNewPrivileges: w.config.Security.NoNewPrivileges, Capabilities: w.config.Security.Capabilities,
		Name: p.name, Image: img.ID, Platform: w.config.Build.Platform,
		Repo: p.Repo, Branch: p.Branch, Worktree: wt.Path, Masks: append(masks, mounts...), RunDir: p.runDir(),
		User: m.user(eng), Home: home, Init: init, Flags: flags,
		Env:     env,
		Network: network(w.config.Network), Memory: r.Memory, NanoCPUs: int64(r.CPUs * 1e9), Pids: r.Pids, Ports: wantedPorts(w.config),
		Labels: map[string]string{
			container.LabelImageSource:  string(img.Source.Kind),
			container.LabelImageRef:     img.Ref,
			container.LabelDockerfile:   img.Source.Dockerfile,
			container.LabelDevcontainer: img.Source.Devcontainer,
			container.LabelVersion:      m.opts.Version,
		},
	}, nil
}

// exemption tells of an engine that remaps users that a container is made without that.
func exemption(eng *engine) string {
	if !eng.Info().Remapped {
		return ""
	}
	return " outside of the engine's user namespace (--userns=host), as its worktree is yours"
}

// proxies are the variables of the proxies that `docker run` would give a container of this engine. Without a network there is no
// way to one.
func proxies(eng *engine, c workspace.Config) ([]string, error) {
	if c.Network == "none" {
		return nil, nil
	}
	env, err := eng.images.Proxies()
	if err != nil {
		return nil, Errorf(CodeInvalidConfig, "%w; its proxies are for containers", err)
	}
	return env, nil
}

// network is the engine's word for a configured network: "default" is the engine's own choice.
func network(name string) string {
	if name == "default" {
		return ""
	}
	return name
}

// runnable refuses an image for another platform before anything is made from it.
func runnable(eng *engine, img images.Image) error {
	info := eng.Info()
	if img.OS != "" && img.OS != info.OS {
		return Errorf(CodeImageUnsupported, "image %s is for %s, the engine runs %s; use an image for linux", img.Ref, img.OS, info.OS)
	}
	return nil
}

// labels reads what the image asks for and gets the user's consent where it is power over the host.
func (m *Manager) labels(eng *engine, w wish, img images.Image, fb Feedback) (string, []container.Flag, error) {
	init, asked, power, err := images.Labels(img, eng.name())
	if err != nil {
		return "", nil, Errorf(CodeImageUnsupported, "image %s: %w", img.Ref, err)
	}
	if err := m.allow(consentAsk{id: img.ID, what: "image " + img.Ref, power: power, now: w.allow}, fb); err != nil {
		return "", nil, err
	}
	flags := make([]container.Flag, 0, len(asked))
	for _, f := range asked {
		flags = append(flags, container.Flag{Key: f.Key, Value: f.Value})
	}
	return init, flags, nil
}

// gitBinds make git work in the container without the repository's own git directory.
func gitBinds(ctx context.Context, w wish, wt workspace.Worktree, p place) ([]container.Mount, error) {
	binds, err := w.repo.Private(wt, p.gitDir(), p.name).Hide(w.config.Worktrees).Prepare(ctx)
	if err != nil {
		return nil, wrap(err, CodeWorktreeFailed)
	}
	mounts := make([]container.Mount, 0, len(binds))
	for _, b := range binds {
		mounts = append(mounts, container.Mount{Source: b.Source, Target: b.Target, ReadOnly: b.ReadOnly})
	}
	return mounts, nil
}

// gitEnv lets git inside work in a worktree whoever runs it, root in a `docker exec` say.
func gitEnv(worktree string) []string {
	return []string{"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=" + worktree}
}
