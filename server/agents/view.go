package agents

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// view is how things were found last, so that after a change only that is asked for again which may have changed.
type view struct {
	survey
	eng     *engine
	folders []Folder
	git     map[string]*Git // by the instance's name
	at      time.Time       // when all was asked for last
}

// viewAge is how old a view may be: with the first change after that everything is asked for.
const viewAge = time.Minute

// changes are what may have changed.
type changes struct {
	all        bool
	containers []string // by id
	sessions   bool
	git        map[string]bool // inside these instances, by name
}

func (c changes) none() bool {
	return !c.all && len(c.containers) == 0 && !c.sessions && len(c.git) == 0
}

// snapshot is how things are. ok is false when that cannot be told now.
func (w *watcher) snapshot(ctx context.Context, c changes) (s Snapshot, ok bool) {
	eng, err := w.m.engines.passive(ctx)
	if v := w.view; err == nil && !c.all && v != nil && v.eng == eng && time.Since(v.at) < viewAge && w.refresh(ctx, c.containers) {
		s = Snapshot{Folders: v.folders, Engine: EngineState{Reachable: true}}
		s.Instances = w.m.join(ctx, v.survey, false, func(ctx context.Context, repos map[string]*workspace.Repo, all map[string]*item) {
			w.syncSome(ctx, repos, all, c.git)
		})
		return s, true
	}
	return w.everything(ctx, eng, err)
}

// everything asks for everything. failed is why there is no engine.
func (w *watcher) everything(ctx context.Context, eng *engine, failed error) (s Snapshot, ok bool) {
	w.view = nil
	s = Snapshot{Instances: []Instance{}, Folders: w.m.openFolders(ctx), Engine: EngineState{Reachable: failed == nil}}
	if failed != nil {
		s.Engine.Message = failed.Error()
	}
	repos, err := w.m.repos(ctx)
	if err != nil {
		return s, CodeOf(err) == CodeNotRepository
	}
	begun := time.Now()
	found, err := w.m.ask(ctx, eng, repos)
	if err != nil {
		w.m.noteLost(eng, err)
		return s, false
	}
	v := &view{survey: found, eng: eng, folders: s.Folders, git: map[string]*Git{}, at: begun}
	s.Instances = w.m.join(ctx, found, false, func(ctx context.Context, repos map[string]*workspace.Repo, all map[string]*item) {
		w.m.syncAll(ctx, repos, all)
		for name, it := range all {
			v.git[name] = it.git
		}
	})
	if found.reachable && len(found.failed) == 0 {
		w.view = v
	}
	return s, true
}

// refresh asks for some containers again. It is false where more is to be asked for: a container that was not there before came
// with a worktree, and maybe an image.
func (w *watcher) refresh(ctx context.Context, ids []string) bool {
	v := w.view
	for _, id := range ids {
		now, err := v.eng.List(ctx, container.ListOptions{ID: id})
		at := slices.IndexFunc(v.containers, func(c container.Container) bool { return c.ID == id })
		switch {
		case err != nil, at < 0 && len(now) > 0:
			return false
		case at >= 0:
			v.containers = slices.Concat(v.containers[:at], now, v.containers[at+1:])
		}
	}
	return true
}

// syncSome syncs the instances in which git was at work, and takes the others as they were.
func (w *watcher) syncSome(ctx context.Context, repos map[string]*workspace.Repo, all map[string]*item, changed map[string]bool) {
	some := maps.Clone(all)
	maps.DeleteFunc(some, func(name string, it *item) bool {
		git, known := w.view.git[name]
		it.git = git
		return known && !changed[name]
	})
	w.m.syncAll(ctx, repos, some)
	for name, it := range some {
		w.view.git[name] = it.git
	}
}

// concerns reports whether containers of a repository, as their labels name it, are of an open one.
func (w *watcher) concerns(repo string) bool {
	if repo == "" || w.view == nil {
		return true
	}
	for i, r := range w.view.repos {
		if r.Root == repo || slices.ContainsFunc(w.view.trees[i], func(t workspace.Worktree) bool { return t.MadeRoot == repo }) {
			return true
		}
	}
	return false
}

// seen tells what changed in files since the last look.
func (w *watcher) seen(ctx context.Context) (c changes) {
	was, now := w.marks, w.look.look(ctx)
	w.marks = now
	c.git = map[string]bool{}
	for root, mark := range now.Repos {
		c.all = c.all || w.concerns(root) && mark != was.Repos[root]
	}
	for name, mark := range now.Instances {
		old, known := was.Instances[name]
		if !w.concerns(mark.Repo) || mark == old {
			continue
		}
		c.all = c.all || !known
		c.sessions = c.sessions || mark.Sessions != old.Sessions
		if mark.Git != old.Git {
			c.git[name] = true
		}
	}
	for name, mark := range was.Instances {
		_, there := now.Instances[name]
		c.all = c.all || !there && w.concerns(mark.Repo)
	}
	return c
}
