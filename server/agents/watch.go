package agents

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/workspace"
)

const (
	// watchPoll is how often session files are looked at: sessions end and wait without the engine knowing. Who looks only at
	// what another server saw costs a few calls.
	watchPoll = 300 * time.Millisecond
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
	w := watcher{m: m, changed: changed, look: newLookout(m), tell: newNotifier(ctx, m)}
	defer w.look.end()
	defer w.tell.end()
	for ctx.Err() == nil {
		eng, err := m.engines.passive(ctx)
		if err != nil {
			w.survey(ctx, changes{all: true})
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
	last    []byte // what was told, to tell only changes
	shape   string // of that
	view    *view
	look    *lookout
	tell    *notifier
	marks   marks // of the last look
	later   []later
	folders string // of the folders' repositories and branches at the last survey
	repos   []*workspace.Repo
}

// follow surveys on engine events and when a look at files finds something, until the engine is lost or ctx done.
func (w *watcher) follow(ctx context.Context, eng *engine, kicks <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := eng.Events(ctx)
	tick := time.NewTicker(watchPoll)
	defer tick.Stop()
	w.marks = w.look.look(ctx)
	w.survey(ctx, changes{all: true})
	for {
		select {
		case <-ctx.Done():
			return
		case ev, ok := <-events:
			if ev = settle(ctx, events, ev); !ok || ev.Kind == container.EventLost {
				w.m.engines.lost(eng)
				return
			}
			if ids := w.concerning(ev); ev.Any || len(ids) > 0 {
				w.survey(ctx, changes{all: ev.Any, containers: ids})
				w.again(ev.Any, ids)
			}
		case <-kicks:
			w.survey(ctx, changes{all: true})
		case <-tick.C:
			c := w.due(w.seen(ctx))
			if c.all = c.all || w.foldersChanged(ctx); !c.none() {
				w.survey(ctx, c)
			}
		}
	}
}

// concerning are the containers of an event that are of open repositories.
func (w *watcher) concerning(ev container.Event) (ids []string) {
	for id, repo := range ev.Containers {
		if w.concerns(repo) {
			ids = append(ids, id)
		}
	}
	return ids
}

// later is a container that is asked for again; "" is all.
type later struct {
	at time.Time
	id string
}

// again has containers asked for twice more: an engine tells that one ended before its own list knows it.
func (w *watcher) again(all bool, ids []string) {
	if all {
		ids = []string{""}
	}
	w.later = slices.DeleteFunc(w.later, func(l later) bool { return slices.Contains(ids, l.id) })
	for _, after := range []time.Duration{watchPoll, 2 * time.Second} {
		for _, id := range ids {
			w.later = append(w.later, later{time.Now().Add(after), id})
		}
	}
}

// due adds what is to be asked for again now.
func (w *watcher) due(c changes) changes {
	now := time.Now()
	w.later = slices.DeleteFunc(w.later, func(l later) bool {
		if l.at.After(now) {
			return false
		}
		c.all = c.all || l.id == ""
		c.containers = append(c.containers, l.id)
		return true
	})
	return c
}

// settle waits until no event has come for a moment, and makes them one.
func settle(ctx context.Context, events <-chan container.Event, first container.Event) container.Event {
	t := time.NewTimer(watchSettle)
	defer t.Stop()
	for {
		select {
		case ev, ok := <-events:
			if !ok || ev.Kind == container.EventLost {
				return container.Event{Kind: container.EventLost}
			}
			first = first.Join(ev)
		case <-t.C:
			return first
		case <-ctx.Done():
			return first
		}
	}
}

func (w *watcher) survey(ctx context.Context, c changes) {
	if c.all {
		w.repos = nil // folders may have been opened
		w.folders = w.folderStamp(ctx)
	}
	snap, ok := w.snapshot(ctx, c)
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
	w.tell.see(snap)
	if shape := shapeOf(snap); shape != w.shape {
		w.shape = shape
		w.m.found.kick()
	}
	w.changed(snap)
}

// shapeOf is what of a snapshot decides what is built: not what goes on in the instances.
func shapeOf(s Snapshot) string {
	s.Instances = slices.Clone(s.Instances)
	for i := range s.Instances {
		s.Instances[i].Sessions, s.Instances[i].Git, s.Instances[i].Listening = nil, nil, nil
	}
	b, _ := json.Marshal(s) // it was marshaled before
	return string(b)
}

// foldersChanged reports whether a folder became a repository or switched branches since the last survey.
func (w *watcher) foldersChanged(ctx context.Context) bool { return w.folderStamp(ctx) != w.folders }
