package container

import (
	"context"
	"maps"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// EventKind is what happened.
type EventKind string

// The kinds of Event.
const (
	EventContainer EventKind = "container" // an instance's container changed
	EventLost      EventKind = "lost"      // the engine went away; no more events come
)

// Event tells that something changed; who wants to know what lists again.
type Event struct {
	Kind       EventKind
	Containers map[string]string // by id: the repository that the label names
	Any        bool              // any container may have changed: there were too many to name
}

// mostNamed is how many containers one event names.
const mostNamed = 1000

// Events tells what happens to instances' containers until ctx is done; the channel is closed then, or after
// EventLost. Events that nobody has taken yet are joined to one.
func (e *Engine) Events(ctx context.Context) <-chan Event {
	out := make(chan Event)
	f := filters.NewArgs(filters.Arg("type", "container"))
	if !e.isPodman() { // whose filter wants a value: with the label's name alone nothing ever happens
		f.Add("label", LabelRepo)
	}
	msgs, errs := e.api.Events(ctx, events.ListOptions{Filters: f})
	go func() {
		defer close(out)
		var next Event
		var to chan<- Event // nil while there is none
		for {
			select {
			case m := <-msgs:
				if _, ours := m.Actor.Attributes[LabelRepo]; ours && interesting(m.Action) {
					ev := Event{Kind: EventContainer, Containers: map[string]string{m.Actor.ID: m.Actor.Attributes[LabelRepo]}}
					if to != nil {
						ev = next.Join(ev)
					}
					next, to = ev, out
				}
			case to <- next:
				to = nil
			case <-errs:
				select {
				case out <- Event{Kind: EventLost}:
				case <-ctx.Done():
				}
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// Join is one event for two. Neither is changed: the first may have been sent.
func (e Event) Join(o Event) Event {
	if e.Any || o.Any || len(e.Containers)+len(o.Containers) > mostNamed {
		return Event{Kind: o.Kind, Any: true}
	}
	all := map[string]string{}
	maps.Copy(all, e.Containers)
	maps.Copy(all, o.Containers)
	return Event{Kind: o.Kind, Containers: all}
}

// interesting leaves out what attaching, executing and resizing say.
func interesting(a events.Action) bool {
	switch a {
	case events.ActionCreate, events.ActionStart, events.ActionRestart, events.ActionStop, events.ActionPause,
		events.ActionUnPause, events.ActionDie, events.ActionOOM, events.ActionDestroy, events.ActionRename, events.ActionKill:
		return true
	case "cleanup", "remove": // Podman's, when one that ended is listed as such, and when it is gone
		return true
	}
	return false
}
