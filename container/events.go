package container

import (
	"context"
	"time"

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
	Kind   EventKind
	Action string // the engine's word, such as die
	ID     string
}

// Events tells what happens to instances' containers until ctx is done; the channel is closed then, or after
// EventLost.
func (e *Engine) Events(ctx context.Context) <-chan Event {
	out := make(chan Event, 16)
	f := filters.NewArgs(filters.Arg("type", "container"), filters.Arg("label", LabelRepo))
	msgs, errs := e.api.Events(ctx, events.ListOptions{Filters: f})
	go func() {
		defer close(out)
		for {
			select {
			case m := <-msgs:
				if !interesting(m.Action) {
					continue
				}
				e.emit(ctx, out, Event{EventContainer, string(m.Action), m.Actor.ID})
			case <-errs:
				e.emit(ctx, out, Event{Kind: EventLost})
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// emitPatience is how long an event waits for a busy reader. Dropping one loses nothing: the reader lists anyway.
const emitPatience = time.Second

func (e *Engine) emit(ctx context.Context, out chan<- Event, ev Event) {
	t := time.NewTimer(emitPatience)
	defer t.Stop()
	select {
	case out <- ev:
	case <-ctx.Done():
	case <-t.C:
	}
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
