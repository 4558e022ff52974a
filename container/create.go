package container

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// StopGrace is how long programs have to end after SIGTERM before they are killed. Well-behaved ones take far less:
// the helper that is PID 1 passes the signal on and leaves as soon as they are gone.
const StopGrace = 10 * time.Second

// ErrNameTaken means that another container has the name.
var ErrNameTaken = errors.New("container name is taken")

// HomeVolume names the volume that keeps an instance's home across recreate.
func HomeVolume(name string) string { return name + "-home" }

// Create makes the container of an instance and does not start it. Whatever ENTRYPOINT, CMD, USER, WORKDIR or
// HEALTHCHECK the image has, PID 1 is the helper at shimPath (or s.Init) and sessions are started beside it.
//
// When ctx ends the engine still gets createGrace to answer: one that is not waited for makes the container all the same,
// after its caller has looked for it.
//
// The warnings are the engine's, of what it was asked for and does not do.
func (e *Engine) Create(ctx context.Context, s Spec, shimPath string) (id string, warnings []string, err error) {
	cfg, host := configs(s, shimPath)
	if e.isPodman() {
		host.LogConfig = container.LogConfig{} // it has other options
	}
	if err := applyFlags(cfg, host, s.Flags); err != nil {
		return "", nil, err
	}
	if err := e.extras(host, s.Extras); err != nil {
		return "", nil, err
	}
	e.exempt(host)
	platform, err := parsePlatform(s.Platform)
	if err != nil {
		return "", nil, err
	}
	if err := e.makeCaches(ctx, s); err != nil {
		return "", nil, err
	}
	sent, err := e.bindable(host)
	if err != nil {
		return "", nil, fmt.Errorf("create container %s: %w", s.Name, err)
	}
	late, cancel := outlive(ctx, createGrace)
	defer cancel()
	err = e.call(late, func(ctx context.Context) error {
		res, err := e.api.ContainerCreate(ctx, cfg, sent, &network.NetworkingConfig{}, platform, s.Name)
		id, warnings = res.ID, told(res.Warnings)
		return err
	})
	switch {
	case errdefs.IsConflict(err):
		return "", nil, fmt.Errorf("create container %s: %w: %w", s.Name, ErrNameTaken, err)
	case err != nil && strings.Contains(err.Error(), "does not match the specified platform"):
		return "", nil, fmt.Errorf("create container %s: %w: %w", s.Name, ErrPlatform, err)
	case err != nil && deviceError(host, err) != err: //nolint:errorlint // whether it is the same
		return "", nil, deviceError(host, err)
	case err != nil && e.sight(err, host) != nil:
		return "", nil, e.sight(err, host)
	case err != nil:
		return "", nil, fmt.Errorf("create container %s: %w", s.Name, err)
	}
	res, err := e.inspect(late, id)
	if err == nil {
		err = asAsked(host, res)
	}
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("create container %s: %w", s.Name, err), e.Remove(late, id))
	}
	return id, append(warnings, e.dropped(host, res)...), nil
}

// told are an engine's warnings as they go on: some begin with a word that says what they are.
func told(warnings []string) (all []string) {
	for _, w := range warnings {
		if w = strings.TrimSpace(strings.TrimPrefix(w, "WARNING: ")); w != "" {
			all = append(all, "the engine warns: "+w)
		}
	}
	return all
}

// exempt takes a container out of the engine's remapping of users: its worktree belongs to the host's user, whom it would not have.
func (e *Engine) exempt(host *container.HostConfig) {
	if e.Info().Remapped && host.UsernsMode == "" {
		host.UsernsMode = "host"
	}
}

const createGrace = 30 * time.Second

// outlive is ctx that ends later by grace.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(late, func() { t.Stop() })
	})
	return late, func() {
		stop()
		cancel(nil)
	}
}

// shortLog bounds what the engine keeps of PID 1's output on the host's disk. The helper prints next to nothing, but who catches
// it at the start of a session can write to its output for ever.
var shortLog = container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m", "max-file": "1"}}

func configs(s Spec, shimPath string) (*container.Config, *container.HostConfig) {
	grace := int(StopGrace / time.Second)
	entry := []string{s.Init}
	if s.Init == "" {
		entry = append([]string{shim.Path, "init"}, userFlags(s.User, s.Home, s.cacheTargets())...)
		if s.Network != hostNetwork { // its ports are all the host's
			entry = append(entry, "--listening")
		}
	}
	exposed, bindings := publish(s.Ports)
	cfg := &container.Config{
		Image: s.Image, Entrypoint: entry, Cmd: []string{}, User: "0:0", WorkingDir: s.Worktree,
		Env: append(slices.Clone(s.Env), portEnv(s.Ports)...), Labels: labels(s), Hostname: hostname(s.Branch), ExposedPorts: exposed,
		OpenStdin: true, StdinOnce: true, StopTimeout: &grace,
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	if s.Init == "" {
		cfg.StopSignal = "SIGTERM" // what the helper expects, whatever STOPSIGNAL the image has
	}
	host := &container.HostConfig{
		Mounts:       mounts(s, shimPath),
		Tmpfs:        map[string]string{shim.SockDir: "mode=1777,size=4m"},
		NetworkMode:  container.NetworkMode(s.Network),
		PortBindings: bindings,
		Resources:    container.Resources{Memory: s.Memory, NanoCPUs: s.NanoCPUs},
		LogConfig:    shortLog,
	}
	if s.Pids > 0 {
		host.PidsLimit = &s.Pids
	}
	harden(host, s)
	return cfg, host
}

// baseCapabilities are what the helper needs as PID 1 to make a home, become the session's user and end its programs, and
// what a package manager needs where sessions are root's.
var baseCapabilities = []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "NET_BIND_SERVICE"}

// harden takes from the container what agents do not need. An image that the user has allowed to run an init of its own, or
// to be privileged, needs more than can be known here.
func harden(host *container.HostConfig, s Spec) {
	privileged := slices.ContainsFunc(s.Flags, func(f Flag) bool { return f.Key == "privileged" && f.Value != "false" })
	if s.Init != "" || privileged {
		return
	}
	host.CapDrop = []string{"ALL"}
	host.CapAdd = append(slices.Clone(baseCapabilities), s.Capabilities...)
	if s.NoNewPrivileges {
		host.SecurityOpt = append(host.SecurityOpt, "no-new-privileges")
	}
}

// mounts puts the worktree first: what masks parts of it comes after.
func mounts(s Spec, shimPath string) []mount.Mount {
	bind := func(m Mount) mount.Mount {
		return mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly}
	}
	all := []mount.Mount{bind(Mount{Source: s.Worktree, Target: s.Worktree})}
	for _, m := range s.Masks {
		all = append(all, bind(m))
	}
	all = append(all,
		bind(Mount{Source: filepath.Dir(shimPath), Target: shim.BinDir, ReadOnly: true}),
		bind(Mount{Source: s.RunDir, Target: shim.RunDir}),
	)
	if s.Home != "" && s.Home != "/" {
		all = append(all, mount.Mount{
			Type: mount.TypeVolume, Source: HomeVolume(s.Name), Target: s.Home,
			VolumeOptions: &mount.VolumeOptions{Labels: map[string]string{LabelRepo: s.Repo, LabelBranch: s.Branch}},
		})
	}
	return append(all, s.things()...)
}

func labels(s Spec) map[string]string {
	all := maps.Clone(s.Labels)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, map[string]string{
		LabelRepo: s.Repo, LabelBranch: s.Branch, LabelWorktree: s.Worktree,
		LabelMounts: strings.Join(s.mountTargets(), "\n"), LabelCaches: strings.Join(s.cacheTargets(), "\n"),
		LabelUser: s.User, LabelHome: s.Home, LabelRunDir: s.RunDir, labelInit: s.Init,
		LabelPorts: portWords(s.Ports),
	})
	return all
}

// labelInit keeps PID 1 of a container whose image has its own.
const labelInit = "io.headjack.pid1"

// hostname is the branch as a shell prompt can show it: RFC 1123, at most 63 characters.
func hostname(branch string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(branch) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	if h := strings.Trim(b.String(), "-"); h != "" {
		return h
	}
	return "headjack"
}

// parsePlatform reads os/arch[/variant].
func parsePlatform(s string) (*ocispec.Platform, error) {
	if s == "" {
		return nil, nil
	}
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, fmt.Errorf("platform %q is not os/arch or os/arch/variant", s)
	}
	p := &ocispec.Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}
