package agents

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/internal/system"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// minFree is the disk space below which a build or a worktree is likely to fail.
const minFree = 2 << 30

// Doctor checks what run needs, from the outside in, and says how each finding is mended.
func (m *Manager) Doctor(ctx context.Context, a DoctorArgs) (DoctorResult, error) {
	d := doctor{m: m}
	d.git(ctx)
	r := d.repository(ctx, a.Workspace)
	config, ok := d.configuration(r)
	d.state()
	d.disk("disk", m.opts.StateDir)
	eng := d.engine(ctx)
	if eng != nil {
		d.usage(ctx, eng)
	}
	if eng != nil {
		d.sight(ctx, eng, r, config)
	}
	if ok && eng != nil && r != nil {
		d.image(ctx, eng, r, config)
	}
	if ok {
		d.agent(config)
	}
	return DoctorResult{Checks: d.checks}, nil
}

type doctor struct {
	m      *Manager
	checks []Check
}

func (d *doctor) good(name, format string, args ...any) {
	d.checks = append(d.checks, Check{Name: name, OK: true, Detail: fmt.Sprintf(format, args...)})
}

func (d *doctor) bad(name string, err error, fix string) {
	d.checks = append(d.checks, Check{Name: name, Detail: err.Error(), Fix: fix})
}

func (d *doctor) git(ctx context.Context) {
	out, err := exec.CommandContext(ctx, "git", "version").Output()
	if err != nil {
		d.bad("git", err, "install git 2.36 or later and put it on PATH")
		return
	}
	d.good("git", "%s", strings.TrimSpace(string(out)))
}

func (d *doctor) repository(ctx context.Context, hint string) *workspace.Repo {
	r, err := d.m.repo(ctx, hint, "")
	if err != nil {
		d.bad("repository", err, "open a folder of a git repository, or make one: git init && git commit --allow-empty -m start")
		return nil
	}
	d.good("repository", "%s", r.Root)
	for _, n := range r.Notices(ctx, r.From) {
		d.checks = append(d.checks, Check{Name: n.Name, OK: true, Detail: n.Text + "; " + n.Fix})
	}
	return r
}

func (d *doctor) configuration(r *workspace.Repo) (workspace.Config, bool) {
	c, values, err := d.m.config(r)
	if err != nil {
		d.bad("configuration", err, "correct the line that is named; docs/configuration.md lists every key")
		return c, false
	}
	set := 0
	for _, v := range values {
		if v.Source != "default" {
			set++
		}
	}
	d.good("configuration", "%d values set; hjk-ls config tells where each came from", set)
	return c, true
}

func (d *doctor) state() {
	p := place{state: d.m.opts.StateDir, name: ".doctor"}
	l, err := tryLock(p.lock(), exclusive)
	if err != nil {
		d.bad("permissions", err, "make "+d.m.opts.StateDir+" writable for your user")
		return
	}
	l.removeAndUnlock()
	d.good("permissions", "%s is writable", d.m.opts.StateDir)
}

func (d *doctor) disk(name, path string) {
	free, err := system.FreeBytes(path)
	switch {
	case err != nil:
		d.bad(name, err, "make "+path+" reachable")
	case free < minFree:
		d.bad(name, fmt.Errorf("%d MiB free at %s", free>>20, path), "free some space; docker system df shows what images take")
	default:
		d.good(name, "%d GiB free at %s", free>>30, path)
	}
}

func (d *doctor) engine(ctx context.Context) *engine {
	eng, err := d.m.engines.get(ctx)
	if err != nil {
		d.bad("engine", err, "start Docker or Podman, or set DOCKER_HOST to an engine that runs")
		return nil
	}
	info := eng.Info()
	d.good("engine", "%s %s at %s (%s), API %s, %s/%s", info.Name, info.Version, info.Host, info.Source, info.APIVersion, info.OS, info.Arch)
	if info.Remapped {
		d.good("engine", "it remaps users (userns-remap); containers of instances are exempt (--userns=host), as their worktrees are yours: docs/security.md")
	}
	for _, w := range info.Warnings { // a limit that cannot be kept, or a door that is open: nothing that run needs
		d.good("engine", "%s", w)
	}
	return eng
}

// sight tells whether the engine has the folders that a container is given.
func (d *doctor) sight(ctx context.Context, eng *engine, r *workspace.Repo, c workspace.Config) {
	paths := []string{d.m.opts.StateDir}
	if dir := existing(c.Worktrees); dir != "" {
		paths = append(paths, dir)
	}
	if r != nil {
		paths = append(paths, r.Root)
	}
	if err := eng.Sees(ctx, paths...); err != nil {
		d.bad("files", err, "share that folder with the engine, or use one of this host; hjk-ls takes --host, and DOCKER_HOST")
		return
	}
	d.good("files", "the engine sees %s", strings.Join(paths, ", "))
}

// existing is the closest folder at or above a path that is there.
func existing(path string) string {
	for path != "" && path != "/" && path != "." {
		if _, err := os.Stat(path); err == nil {
			return path
		}
		path = filepath.Dir(path)
	}
	return ""
}

// usageTimeout bounds measuring the engine's disk use: it is worth seconds, and nothing depends on it.
const usageTimeout = 10 * time.Second

// usage tells what hjk-ls takes of the engine's disk, and what would give it back.
func (d *doctor) usage(ctx context.Context, eng *engine) {
	ctx, cancel := context.WithTimeoutCause(ctx, usageTimeout, fmt.Errorf("the engine did not measure it in %s", usageTimeout))
	defer cancel()
	s, err := d.m.stock(ctx, eng)
	var u images.Usage
	if err == nil {
		u, err = eng.images.Usage(ctx, container.LabelRepo)
	}
	if err != nil {
		d.good("disk use", "not known: %v", err)
		return
	}
	used, unused := s.count(func(i stocked) bool { return len(i.Instances) > 0 }), s.count(func(i stocked) bool { return i.Unused })
	d.good("disk use", "%s in use, %s unused (hjk-ls prune), homes %s, build cache %s (docker builder prune), all images %s",
		used, unused, size(u.Volumes), size(u.BuildCache), size(u.Layers))
	d.cacheUse(ctx, eng, u)
}

// cacheUse tells what the folders take that branches share.
func (d *doctor) cacheUse(ctx context.Context, eng *engine, u images.Usage) {
	caches, err := d.m.caches(ctx, eng)
	if err != nil || len(caches) == 0 {
		return
	}
	var all int64
	for _, c := range caches {
		bytes := u.Sizes[c.Volume]
		all += bytes
		if c.Unused {
			d.good("caches", "%s of %s, %s, is left, whose instances are gone (hjk-ls prune)", c.Path, c.Repo, size(bytes))
		}
	}
	d.good("caches", "%d, %s, which branches share (hjk-ls images; hjk-ls prune --caches)", len(caches), size(all))
}

// count is how many images are such, and their size.
func (s *stock) count(such func(stocked) bool) string {
	n, bytes := 0, int64(0)
	for _, i := range s.images {
		if such(i) {
			n++
			bytes += i.SizeBytes
		}
	}
	return fmt.Sprintf("%d images of %s", n, size(bytes))
}

func size(bytes int64) string { return units.HumanSize(float64(bytes)) }

func (d *doctor) image(ctx context.Context, eng *engine, r *workspace.Repo, c workspace.Config) {
	_, values, _ := d.m.config(r)
	w := wish{repo: r, config: c, values: values}
	src, err := w.source(r.From)
	if err != nil {
		d.bad("image", err, imageFix(err))
		return
	}
	for _, note := range d.m.notTaken(w, src, r.From) {
		d.good("devcontainer", "%s", note)
	}
	if src.Kind == images.KindDockerfile {
		d.good("image", "built from %s%s", src.Dockerfile, w.why(src))
		return
	}
	img, err := eng.images.Inspect(ctx, src.Ref)
	if err != nil {
		d.checks = append(d.checks, Check{Name: "image", OK: c.Pull != "never", Detail: src.Ref + " is not here yet; run pulls it", Fix: plain.Shell("docker", "pull", src.Ref)})
		return
	}
	d.good("image", "%s (%s) is here", src.Ref, img.ID)
}

func (d *doctor) agent(c workspace.Config) {
	cmd, err := d.m.command(c, "", "", nil)
	if err != nil {
		d.bad("agent", err, "set agent: to one that is known")
		return
	}
	want := programs[cmd.agent].credentials
	if len(want) > 0 && len(cmd.env) == 0 {
		d.checks = append(d.checks, Check{
			Name: "agent", Detail: cmd.agent + " has no credentials on this host; it will ask for a login in its container",
			Fix: "set one of " + strings.Join(want, ", "),
		})
		return
	}
	d.good("agent", "%s", cmd.agent)
}
