package container

import (
	"context"

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
	Kind EventKind
	ID   string // of the container; "" may be any
	Repo string // that its label names; "" may be any
}

// Events tells what happens to instances' containers until ctx is done; the channel is closed then, or after
// EventLost. Events that nobody has taken yet are joined to one.
func (e *Engine) Events(ctx context.Context) <-chan Event {
	out := make(chan Event)
	f := filters.NewArgs(filters.Arg("type", "container"), filters.Arg("label", LabelRepo))
	msgs, errs := e.api.Events(ctx, events.ListOptions{Filters: f})
	go func() {
		defer close(out)
		var next Event
		var to chan<- Event // nil while there is none
		for {
			select {
			case m := <-msgs:
				if interesting(m.Action) {
					ev := Event{EventContainer, m.Actor.ID, m.Actor.Attributes[LabelRepo]}
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

// Join is one event for two.
func (e Event) Join(o Event) Event {
	if e.ID != o.ID {
		o.ID = ""
	}
	if e.Repo != o.Repo {
		o.Repo = ""
	}
	return o
}

// interesting leaves out what attaching, executing and resizing say.
func interesting(a events.Action) bool {
	switch a {
	case events.ActionCreate, events.ActionStart, events.ActionRestart, events.ActionStop, events.ActionPause,
		events.ActionUnPause, events.ActionDie, events.ActionOOM, events.ActionDestroy, events.ActionRename, events.ActionKill:
		return true
	}
	return false
}
