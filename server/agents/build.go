package agents

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	bkclient "github.com/moby/buildkit/client"
	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/internal/fileuri"
	"github.com/gilmanlab/hjk-ls/server/builds"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// store is where the facts of builds are kept, for all processes of this user.
func (m *Manager) store() *builds.Store { return m.records }

func openStore(stateDir string) *builds.Store {
	return &builds.Store{
		Dir: filepath.Join(stateDir, "builds"),
		Lock: func(ctx context.Context, path string) (func(), error) {
			l, err := lockExclusive(ctx, path)
			if err != nil {
				return nil, err
			}
			return l.unlock, nil
		},
		Held: func(path string) bool {
			l, err := tryLock(path, shared)
			if err != nil {
				return errors.Is(err, errLocked)
			}
			l.unlock()
			return false
		},
	}
}

// Build builds a Dockerfile of the repository, as run would.
func (m *Manager) Build(ctx context.Context, a BuildArgs, fb Feedback) (BuildResult, error) {
	if err := m.trusted(); err != nil {
		return BuildResult{}, err
	}
	u, w, err := m.requested(ctx, buildRequest{a.Workspace, a.Dockerfile, a.Target, func(w *wish) error {
		w.allow = a.AllowPrivileges
		return m.agree(w, fb)
	}})
	if err != nil {
		return BuildResult{}, err
	}
	opts, err := m.buildOptions(w, u.Source, u.Tags[0])
	if err != nil {
		return BuildResult{}, err
	}
	opts.Target, opts.NoCache, opts.Pull = u.Options.Target, a.NoCache, a.Pull
	eng, err := m.engines.get(ctx)
	if err != nil {
		return BuildResult{}, err
	}
	res, err := m.build(ctx, eng, u, w, m.fenced(w, opts, fb), fb)
	m.tidy(ctx, eng)
	m.changed.kick()
	if err == nil {
		select {
		case m.asked <- u:
		default: // nobody follows
		}
	}
	if err != nil {
		m.noteLost(eng, err)
		return BuildResult{}, err
	}
	return BuildResult{
		Image: res.Image.ID, Dockerfile: u.Source.Dockerfile, DurationMS: res.Duration.Milliseconds(),
		Steps: res.Steps, CachedSteps: res.CachedSteps,
	}, nil
}

// buildRequest names what is to be built.
type buildRequest struct {
	workspace, dockerfile, target string
	agree                         func(*wish) error // to what the repository's file asks for
}

// requested is the unit that a request names: a Dockerfile of the checkout that is open, or the one it has.
func (m *Manager) requested(ctx context.Context, q buildRequest) (builds.Unit, wish, error) {
	file, target := q.dockerfile, q.target
	r, err := m.repo(ctx, q.workspace, "")
	if err != nil {
		return builds.Unit{}, wish{}, err
	}
	config, values, err := m.config(r)
	if err != nil {
		return builds.Unit{}, wish{}, err
	}
	w := wish{repo: r, config: config, values: values}
	if err := q.agree(&w); err != nil {
		return builds.Unit{}, wish{}, err
	}
	if file != "" {
		w.image = file
		if fileuri.IsURI(file) {
			if w.image, err = fileuri.Path(file); err != nil {
				return builds.Unit{}, wish{}, Errorf(CodeInvalidArgument, "dockerfile: %w", err)
			}
		}
	}
	src, err := w.source(r.From)
	if err != nil {
		return builds.Unit{}, wish{}, err
	}
	if src.Dockerfile == "" {
		return builds.Unit{}, wish{}, Errorf(CodeDockerfileNotFound, "%s has no Dockerfile, its image is %s; name a Dockerfile to build", r.From, src.Ref)
	}
	u, err := m.unit(w, src)
	if err != nil {
		return builds.Unit{}, wish{}, err
	}
	if u.Tags, u.Branch, err = m.tagsOf(ctx, w, src, target); err != nil {
		return builds.Unit{}, wish{}, err
	}
	if target != "" {
		u.Options.Target = target
	}
	return u, w, nil
}

// tagsOf are the names for the image of a checkout: its instance's, if it is the Dockerfile that the instance would use,
// and the repository's.
func (m *Manager) tagsOf(ctx context.Context, w wish, src images.Source, target string) (tags []string, branch string, err error) {
	tags = []string{m.place(w.repo.Root, "").tag()}
	trees, err := w.repo.Worktrees(ctx)
	if err != nil {
		return nil, "", wrap(err, CodeWorktreeFailed)
	}
	for _, wt := range trees {
		if wt.Path != w.repo.From || wt.Branch == "" || wt.Foreign {
			continue
		}
		w.image = ""
		if live, running := m.live(w.repo.Root, wt.Branch); running {
			w.image = madeFrom(live)
		}
		usual, err := w.source(wt.Path)
		if err != nil || usual.Dockerfile != src.Dockerfile || target != "" && target != w.config.Build.Target {
			continue // what the instance would use is somebody else's trouble here
		}
		branch = wt.Branch
		if p := m.place(wt.MadeRoot, wt.MadeFor); p.exists() {
			tags = append(tags, p.tag())
		}
	}
	return tags, branch, nil
}

// unit is what is built of src with the settings.
func (m *Manager) unit(w wish, src images.Source) (builds.Unit, error) {
	b := w.config.Build
	secrets, err := parseSecrets(b.Secrets)
	if err != nil {
		return builds.Unit{}, err
	}
	o, err := images.BuildOptions{
		Target: b.Target, Args: b.Args, Secrets: secrets, SSH: b.SSH, Platform: b.Platform,
	}.With(src)
	return builds.Unit{Source: src, Repo: w.repo.Root, Options: o}, wrap(err, CodeInvalidConfig)
}

// build builds a unit because somebody asked for it: after the one in flight, and whatever was built before.
func (m *Manager) build(ctx context.Context, eng *engine, u builds.Unit, w wish, o images.BuildOptions, fb Feedback) (images.BuildResult, error) {
	job, err := m.store().Begin(ctx, u)
	if err != nil {
		return images.BuildResult{}, wrap(err, CodeInternal)
	}
	defer job.Close()
	o.Guard = asked(job, u)
	input := taken(ctx, u, w.config.Network)
	res, err := m.carryOut(ctx, eng, job, u, o, input, fb)
	if err == nil && input != "" && taken(ctx, u, w.config.Network) == input {
		err = wrap(job.Learn(), CodeInternal)
	}
	return res, err
}

// taken sums what a build reads, where a build that nobody asked for of the same would be refused: a server that sees the change
// just before the user asks, or sees what the user had built come back, knows by it that there is an image. Elsewhere it builds.
func taken(ctx context.Context, u builds.Unit, network string) string {
	if len(u.Options.Secrets) == 0 && len(u.Options.SSH) == 0 && network == "default" {
		return ""
	}
	sum, err := images.NewInputs(u.Source, u.Options).Sum(ctx, nil)
	if err != nil {
		return "" // the build tells
	}
	return sum
}

// carryOut builds under the unit's lock, keeps the facts, and tells of it as hjk/build does.
func (m *Manager) carryOut(ctx context.Context, eng *engine, job *builds.Job, u builds.Unit, o images.BuildOptions, input string, fb Feedback) (images.BuildResult, error) {
	ev := BuildEvent{URI: fileURI(u.Source.Dockerfile), Branch: u.Branch, State: builds.Running}
	m.ownBuilds.Store(job.ID(), true)
	m.adopt(ctx, eng, job.Latest(), u)
	if err := job.Start(input); err != nil {
		return images.BuildResult{}, wrap(err, CodeInternal)
	}
	m.Saved(m.store().RecordFile(u.Key()))
	fb.build(ev)
	o.Tag = u.Tags[0]
	res, err := eng.images.Build(ctx, u.Source, o, func(s *bkclient.SolveStatus) {
		job.Status(s)
		if fb.Solve != nil {
			fb.Solve(s)
		}
	})
	if err == nil {
		m.broughtIn(ctx, eng, res.Image, "")
		err = eng.images.Tag(ctx, res.Image.ID, u.Tags[1:])
	}
	if errors.Is(err, images.ErrNotFound) {
		err = fmt.Errorf("%w: %w", errImageGone, err)
	}
	if errors.Is(context.Cause(ctx), errRefused) {
		job.Refuse()
	}
	out, kept := job.End(res, err, ctx.Err() != nil || errors.Is(err, context.Canceled))
	if kept != nil {
		m.log.Warn("cannot keep the facts of a build", zap.String("dockerfile", u.Source.Dockerfile), zap.Error(kept))
	}
	m.Saved(m.store().RecordFile(u.Key()))
	ev.State, ev.Image, ev.Error, ev.DurationMS = out.State, out.Image, out.Error, out.DurationMS
	fb.build(ev)
	return res, wrap(err, CodeBuildFailed)
}

// BuildLog is the log of a Dockerfile's last build.
func (m *Manager) BuildLog(ctx context.Context, a BuildLogArgs) (BuildLogResult, error) {
	u, _, err := m.requested(ctx, buildRequest{a.Workspace, a.Dockerfile, a.Target, func(*wish) error { return nil }})
	if err != nil {
		return BuildLogResult{}, err
	}
	s := m.store()
	rec := s.Read(u.Key())
	if rec.Latest.ID == "" {
		return BuildLogResult{}, Errorf(CodeBuildNotFound, "%s has not been built yet; build it with: %s", u.Source.Dockerfile, hjk("build", u.Source.Dockerfile))
	}
	lines := -1
	if a.Tail != nil {
		lines = *a.Tail
	}
	text, err := os.ReadFile(s.LogFile(u.Key()))
	if err != nil {
		return BuildLogResult{}, wrap(err, CodeInternal)
	}
	return BuildLogResult{Text: container.LastLines(string(text), lines), Path: s.LogFile(u.Key()), State: rec.Latest.State}, nil
}

// prune forgets the builds of Dockerfiles that are gone.
func (m *Manager) prune() {
	if err := m.store().Prune(); err != nil {
		m.log.Warn("cannot forget builds", zap.Error(err))
	}
}

// watchedFiles are the files of a checkout that decide what its image is made from.
func watchedFiles(dir string, wt workspace.Worktree) []string {
	files := []string{filepath.Join(dir, repoConfigFile), filepath.Join(dir, ".headjack")}
	for _, name := range images.Discovered() {
		files = append(files, filepath.Join(dir, name))
	}
	files = append(files, devcontainerFiles(dir)...)
	if wt.GitDir != "" {
		files = append(files, filepath.Join(wt.GitDir, "HEAD"), filepath.Join(wt.GitDir, "reftable", "tables.list"))
	}
	return files
}
