package agents

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gilmanlab/hjk-ls/server/builds"
)

// Event is one change, as `hjk-ls events --json` prints it.
type Event struct {
	Time       time.Time `json:"time"`
	Type       string    `json:"type"`  // engine, instance, session or build
	Event      string    `json:"event"` // docs/cli.md has them
	Repo       string    `json:"repo,omitempty"`
	Branch     string    `json:"branch,omitempty"`
	Session    string    `json:"session,omitempty"`
	Agent      string    `json:"agent,omitempty"`
	ExitCode   *int      `json:"exitCode,omitempty"`
	Dockerfile string    `json:"dockerfile,omitempty"`
	Message    string    `json:"message,omitempty"` // why an engine is lost, or a build failed
}

// The types of Event.
const (
	EventEngine   = "engine"
	EventInstance = "instance"
	EventSession  = "session"
	EventBuild    = "build"
)

// buildsPoll is how often records of builds are looked at.
const buildsPoll = 500 * time.Millisecond

// Events calls back with each change in the open folders until ctx is done. Calls come one after the other. The first tells that the
// engine answers: what follows are changes from then on.
func (m *Manager) Events(ctx context.Context, tell func(Event)) error {
	if _, err := m.repos(ctx); err != nil {
		return err
	}
	var mu sync.Mutex // guards tell and d
	d := differ{tell: func(e Event) {
		e.Time = time.Now().UTC()
		tell(e)
	}}
	var polling sync.WaitGroup
	defer polling.Wait()
	polling.Go(func() {
		for was := m.store().All(); ctx.Err() == nil; wait(ctx, buildsPoll, nil) {
			now := m.store().All()
			mu.Lock()
			d.builds(was, now)
			mu.Unlock()
			was = now
		}
	})
	m.Watch(ctx, func(s Snapshot) {
		mu.Lock()
		defer mu.Unlock()
		d.snapshot(s)
	})
	return wrap(context.Cause(ctx), CodeCanceled)
}

// differ tells what is otherwise than it was.
type differ struct {
	tell    func(Event)
	began   bool
	lost    bool
	last    map[string]Instance // by repository and branch
	ran     map[string]string   // the container that ran last, by the same
	folders []string
}

// snapshot tells of instances and sessions. What is there at first is no change, and without an engine nothing is known.
func (d *differ) snapshot(s Snapshot) {
	if !s.Engine.Reachable {
		if !d.lost {
			d.tell(Event{Type: EventEngine, Event: "lost", Message: s.Engine.Message})
		}
		d.lost = true
		return
	}
	now := map[string]Instance{}
	d.folders = nil
	for _, f := range s.Folders {
		d.folders = append(d.folders, f.Repo)
	}
	for _, i := range s.Instances {
		now[i.Repo+"\x00"+i.Branch] = i
		d.folders = append(d.folders, i.Worktree)
	}
	if !d.began || d.lost {
		d.tell(Event{Type: EventEngine, Event: "ready"})
	}
	if !d.began {
		d.ran = map[string]string{}
	}
	for _, key := range sortedKeys(d.last) {
		if _, there := now[key]; !there {
			d.instance(d.last[key], "removed", nil)
			delete(d.ran, key)
		}
	}
	for _, key := range sortedKeys(now) {
		was, known := d.last[key]
		if d.began {
			d.changed(key, was, now[key], known)
		}
		if i := now[key]; i.State == StateRunning && i.Container != nil {
			d.ran[key] = i.Container.ID
		}
	}
	d.began, d.lost, d.last = true, false, now
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (d *differ) instance(i Instance, event string, code *int) {
	d.tell(Event{Type: EventInstance, Event: event, Repo: i.Repo, Branch: i.Branch, ExitCode: code})
}

// changed tells of one instance, and then of its sessions.
func (d *differ) changed(key string, was, now Instance, known bool) {
	if !known {
		d.instance(now, "created", nil)
	}
	if d.ran[key] != "" && now.State == StateRunning && now.Container != nil && now.Container.ID != d.ran[key] {
		d.instance(now, "recreated", nil)
	} else if !known || was.State != now.State {
		d.state(now)
	}
	if now.Image.Stale && !was.Image.Stale {
		d.instance(now, "stale", nil)
	}
	before := map[string]Session{}
	for _, s := range was.Sessions {
		before[s.Name] = s
	}
	for _, s := range now.Sessions {
		d.session(now, before[s.Name], s)
	}
}

func (d *differ) state(i Instance) {
	switch i.State {
	case StateRunning:
		d.instance(i, "started", nil)
	case StateBuilding, StateFailed:
		d.instance(i, string(i.State), nil)
	case StateStopped:
		if i.Container == nil { // it is just being made
			return
		}
		d.instance(i, "stopped", i.Container.ExitCode)
	}
}

// session tells of one session, which may be another one of the same name.
func (d *differ) session(i Instance, was, now Session) {
	tell := func(event string, code *int) {
		d.tell(Event{Type: EventSession, Event: event, Repo: i.Repo, Branch: i.Branch, Session: now.Name, Agent: now.Agent, ExitCode: code})
	}
	if !was.CreatedAt.Equal(now.CreatedAt) {
		was = Session{State: "running"}
		tell("started", nil)
	}
	switch {
	case was.State == "running" && now.State != "running":
		tell("exited", now.ExitCode)
	case now.Waiting && !was.Waiting:
		tell("waiting", nil)
	case was.Waiting && !now.Waiting:
		tell("working", nil)
	}
}

// builds tells of the builds of Dockerfiles in the folders that are followed, whoever builds them.
func (d *differ) builds(was, now map[string]builds.Record) {
	for _, key := range sortedKeys(now) {
		r, old := now[key], was[key].Latest
		if r.Latest.State == "" || r.Latest.ID == old.ID && r.Latest.State == old.State || !d.concerns(r.Dockerfile) {
			continue
		}
		d.tell(Event{
			Type: EventBuild, Event: r.Latest.State, Branch: r.Latest.Branch,
			Dockerfile: r.Dockerfile, Message: r.Latest.Error,
		})
	}
}

func (d *differ) concerns(file string) bool {
	return slices.ContainsFunc(d.folders, func(dir string) bool {
		return dir != "" && strings.HasPrefix(file, dir+string(filepath.Separator))
	})
}
