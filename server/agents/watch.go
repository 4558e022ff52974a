package agents

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/workspace"
)

const (
	// watchPoll is how often session files are looked at: sessions end and wait without the engine knowing.
	watchPoll = 400 * time.Millisecond
	// watchSettle lets a burst of engine events become one survey.
	watchSettle = 50 * time.Millisecond
	// watchRetry is how often a missing engine is looked for.
	watchRetry = 3 * time.Second
)

// Watch calls back with how things are in the open folders now and after every change, until ctx is done. Calls
// come one after the other from one goroutine.
func (m *Manager) Watch(ctx context.Context, changed func(Snapshot)) {
	kicks, unsubscribe := m.changed.subscribe()
	defer unsubscribe()
	w := watcher{m: m, changed: changed}
	for ctx.Err() == nil {
		eng, err := m.engines.passive(ctx)
		if err != nil {
			w.survey(ctx)
			wait(ctx, watchRetry, kicks)
			continue
		}
		w.follow(ctx, eng, kicks)
	}
}

func wait(ctx context.Context, d time.Duration, kicks <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-kicks:
	}
}

type watcher struct {
	m       *Manager
	changed func(Snapshot)
	last    []byte        // what was told, to tell only changes
	stamp   known[int64]  // of the session files at the last look
	git     known[string] // of the references at the last look
	folders string        // of the folders' repositories and branches at the last survey
	repos   []*workspace.Repo
}

// follow surveys on every engine event and every look at the session files, until the engine is lost or ctx done.
func (w *watcher) follow(ctx context.Context, eng *engine, kicks <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := eng.Events(ctx)
	tick := time.NewTicker(watchPoll)
	defer tick.Stop()
	w.survey(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case ev, ok := <-events:
			if !ok || ev.Kind == container.EventLost {
				w.m.engines.lost(eng)
				return
			}
			drain(ctx, events)
			w.survey(ctx)
		case <-kicks:
			w.survey(ctx)
		case <-tick.C:
			if sessions, git := w.sessionsChanged(), w.gitChanged(ctx); sessions || git || w.foldersChanged(ctx) {
				w.survey(ctx)
			}
		}
	}
}

// drain waits until no event has come for a moment.
func drain[T any](ctx context.Context, events <-chan T) {
	t := time.NewTimer(watchSettle)
	defer t.Stop()
	for {
		select {
		case _, ok := <-events:
			if !ok {
				return
			}
		case <-t.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (w *watcher) survey(ctx context.Context) {
	w.repos = nil // folders may have been opened
	w.folders = w.folderStamp(ctx)
	snap, ok := w.m.snapshot(ctx)
	if !ok {
		return
	}
	w.m.mu.Lock()
	w.m.surveyed = snap.Instances
	w.m.mu.Unlock()
	now, err := json.Marshal(snap)
	if err != nil || bytes.Equal(now, w.last) {
		return
	}
	w.last = now
	w.m.found.kick()
	w.changed(snap)
}

// foldersChanged reports whether a folder became a repository or switched branches since the last survey.
func (w *watcher) foldersChanged(ctx context.Context) bool { return w.folderStamp(ctx) != w.folders }

// gitChanged reports whether a reference changed since the last look, inside an instance or on the host. A survey syncs.
func (w *watcher) gitChanged(ctx context.Context) bool {
	if w.m.idle() {
		return false
	}
	if w.repos == nil {
		w.repos, _ = w.m.repos(ctx) // outside of a repository there is nothing to look at
	}
	return w.git.changed(w.m.gitStamp(w.repos))
}

// sessionsChanged reports whether any session's state file changed since the last look.
func (w *watcher) sessionsChanged() bool {
	return w.stamp.changed(w.m.sessionStamp())
}
