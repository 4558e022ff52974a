package agents

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/server/builds"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// plan is what there is to build now, in the checkouts that are open and in those of instances that run.
func (f *follow) plan(ctx context.Context) builds.Plan {
	p := planner{m: f.m, byKey: map[string]int{}}
	p.files = []string{f.m.opts.ConfigFile}
	repos, err := f.m.repos(ctx)
	if err != nil {
		return builds.Plan{Files: p.files}
	}
	for _, r := range repos {
		if err := p.add(ctx, r); err != nil {
			f.m.log.Debug("what to build", zap.String("repo", r.Root), zap.Error(err))
		}
	}
	f.noteMisread(p.misread)
	f.m.mu.Lock()
	was := f.m.followed
	same := slices.Equal(f.m.checkouts, p.checkouts) && slices.EqualFunc(was, p.units, sameUnit)
	f.m.followed, f.m.checkouts = p.units, p.checkouts
	f.m.mu.Unlock()
	if !same {
		f.h.Plan()
	}
	for _, u := range p.units {
		if !slices.ContainsFunc(was, func(old builds.Unit) bool { return sameUnit(old, u) }) {
			f.h.Facts(u.Source.Dockerfile) // it may be back, with the failure it went with
		}
	}
	return builds.Plan{Units: p.units, Files: p.files}
}

func sameUnit(a, b builds.Unit) bool { return a.Key() == b.Key() }

// noteMisread tells of settings that are not understood: nothing is built with them, and a save could not say why. Each
// mistake is told once, and again when it comes back.
func (f *follow) noteMisread(now []string) {
	slices.Sort(now) // one of the user's own file comes once a repository
	now = slices.Compact(now)
	for _, message := range now {
		if !slices.Contains(f.misread, message) {
			f.h.Note("Nothing is built until the settings are mended: " + message)
		}
	}
	f.misread = now
}

type planner struct {
	m         *Manager
	units     []builds.Unit
	byKey     map[string]int
	files     []string
	checkouts []checkout
	misread   []string // why settings were not understood
}

func (p *planner) add(ctx context.Context, r *workspace.Repo) error {
	trees, err := r.Worktrees(ctx)
	if err != nil {
		return err
	}
	config, values, err := p.m.config(r)
	p.files = append(p.files, filepath.Join(r.From, repoConfigFile))
	if err != nil {
		p.misread = append(p.misread, err.Error())
		return err
	}
	for _, wt := range trees {
		at := p.m.place(wt.MadeRoot, wt.MadeFor)
		live, running := p.m.live(r.Root, wt.Branch)
		if wt.Prunable || wt.Foreign || wt.Path != r.From && !running {
			continue
		}
		p.files = append(p.files, watchedFiles(wt.Path, wt)...)
		p.checkouts = append(p.checkouts, checkout{wt.Path, wt.Branch})
		w := wish{repo: r, config: config, values: values}
		tags := []string{}
		if running {
			w.image = madeFrom(live)
			tags = append(tags, at.tag())
		}
		if wt.Path == r.From {
			tags = append(tags, p.m.place(r.Root, "").tag())
		}
		p.unit(w, wt, tags, !running && !at.exists())
	}
	return nil
}

// madeFrom is the image that an instance was made from, as a setting would name it; "" is what its worktree has.
func madeFrom(i Instance) string {
	if i.Image.Devcontainer != "" {
		return i.Image.Devcontainer
	}
	switch images.Kind(i.Image.Source) {
	case images.KindDockerfile:
		return i.Image.Dockerfile
	case images.KindReference:
		return i.Image.Ref
	}
	return ""
}

func (p *planner) unit(w wish, wt workspace.Worktree, tags []string, idle bool) {
	src, err := w.source(wt.Path)
	if err != nil { // it may come
		if file, none := images.File(cmp.Or(w.image, w.config.Image), wt.Path); none == nil {
			p.files = append(p.files, file)
		}
	}
	if err != nil && strings.HasPrefix(w.image, wt.Path) { // the file is gone: what recreate would take
		w.image = ""
		src, err = w.source(wt.Path)
	}
	if as[*images.DevcontainerError](err) {
		p.misread = append(p.misread, err.Error())
	}
	if err != nil || src.Dockerfile == "" {
		return
	}
	p.files = append(p.files, src.Dockerfile)
	u, err := p.m.unit(w, src)
	if err != nil {
		return
	}
	u.Branch, u.Tags = wt.Branch, tags
	u.Auto = w.config.Build.On != workspace.BuildManual && !p.m.untrusted.Load()
	u.All = w.config.Build.On == workspace.BuildInputs
	u.Idle = idle && !p.m.opened(wt.Path, src.Dockerfile)
	if i, ok := p.byKey[u.Key()]; ok {
		p.units[i].Tags = append(p.units[i].Tags, tags...)
		p.units[i].Idle = p.units[i].Idle && u.Idle
		return
	}
	p.byKey[u.Key()] = len(p.units)
	p.units = append(p.units, u)
}

// live is the instance of a branch as the last survey saw it, and whether its container runs.
func (m *Manager) live(root, branch string) (Instance, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, i := range m.surveyed {
		if i.Repo == root && i.Branch == branch && i.Container != nil && (i.Container.State == "running" || i.Container.State == "paused") {
			return i, true
		}
	}
	return Instance{}, false
}
