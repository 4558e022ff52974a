package agents

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// notifier runs the user's command when an agent begins to wait or ends. Every process that watches has one; what was told is written
// down for all, so that each is told once, also what happened while nobody watched.
type notifier struct {
	m    *Manager
	seen chan []Instance // the newest only
	done chan struct{}
	last string // the sessions as they were looked at last
	work sync.WaitGroup
	busy chan struct{} // a place each for a command that runs
}

const (
	// notifyMost is how many commands of one process run at a time.
	notifyMost = 4
	// notifyBurst is how often one instance is told of in notifyWindow: an agent can write that it waits as often as it likes.
	notifyBurst  = 10
	notifyWindow = 10 * time.Second
	// notifyFresh is how long after its end a session is still told of.
	notifyFresh = 10 * time.Minute
	// notifyAgain is when an instance is looked at again that somebody was changing.
	notifyAgain = time.Second
	// maxNoted bounds the record, which is ours.
	maxNoted = 8 << 20
)

func newNotifier(ctx context.Context, m *Manager) *notifier {
	n := &notifier{m: m, seen: make(chan []Instance, 1), done: make(chan struct{}), busy: make(chan struct{}, notifyMost)}
	go n.run(ctx)
	return n
}

// see takes how things are now. It never waits.
func (n *notifier) see(s Snapshot) {
	if !s.Engine.Reachable {
		return
	}
	select {
	case <-n.seen:
	default:
	}
	n.seen <- s.Instances // it alone sends
}

// end waits for what runs, which the end of ctx ends soon.
func (n *notifier) end() {
	close(n.seen)
	<-n.done
	n.work.Wait()
}

func (n *notifier) run(ctx context.Context) {
	defer close(n.done)
	var all []Instance
	var again <-chan time.Time // where an instance was just being changed
	for {
		select {
		case now, ok := <-n.seen:
			if !ok {
				return
			}
			all = now
		case <-again:
			n.last = ""
		}
		if ctx.Err() != nil {
			return
		}
		again = nil
		if n.look(ctx, all) {
			again = time.After(notifyAgain)
		}
	}
}

// look tells what is new, and reports whether it has to be looked again.
func (n *notifier) look(ctx context.Context, all []Instance) (again bool) {
	c, _, err := n.m.config(nil)
	now := sessionsOf(all)
	if err != nil || len(c.Notify) == 0 || now == n.last {
		return false
	}
	tell, again, err := n.claim(ctx, all)
	if err != nil {
		if ctx.Err() == nil {
			n.m.log.Warn("cannot note which agents the user was told of", zap.Error(err))
		}
		return false
	}
	n.last = now
	for _, t := range tell {
		n.start(ctx, c.Notify, t)
	}
	return again
}

// sessionsOf is what of instances may have to be told.
func sessionsOf(all []Instance) string {
	type short struct {
		Repo, Branch string
		State        State
		Sessions     []Session
	}
	out := make([]short, 0, len(all))
	for _, i := range all {
		s := short{i.Repo, i.Branch, i.State, nil}
		for _, one := range i.Sessions {
			one.LastUsed, one.Attached = time.Time{}, false
			s.Sessions = append(s.Sessions, one)
		}
		out = append(out, s)
	}
	b, _ := json.Marshal(out) // of plain values
	return string(b)
}

// noted is what the user was told of an instance.
type noted struct {
	Sessions map[string]notedSession `json:"sessions"`
	Since    time.Time               `json:"since"` // of the window in which Told counts
	Told     int                     `json:"told"`
}

type notedSession struct {
	CreatedAt time.Time `json:"createdAt"`
	Waiting   bool      `json:"waiting"`
	Ended     bool      `json:"ended"`
}

// notice is one thing to tell.
type notice struct {
	instance Instance
	session  string
	reason   string
	code     *int
	attached bool
}

func (n *notifier) file() string { return filepath.Join(n.m.opts.StateDir, "notified.json") }

// claim finds out, and writes down, what is to be told. The sessions are read while the lock is held: a process that saw them earlier
// than another one tells nothing a second time. An instance that is being changed is left for later: what ends then is to end.
func (n *notifier) claim(ctx context.Context, all []Instance) (tell []notice, again bool, err error) {
	lock, err := lockExclusive(ctx, filepath.Join(n.m.opts.StateDir, "notified.lock"))
	if err != nil {
		return nil, false, err
	}
	defer lock.unlock()
	record := map[string]*noted{}
	if b, err := distrust.File(n.file(), maxNoted); err == nil {
		_ = json.Unmarshal(b, &record) // what is not understood is begun anew
	}
	for name := range record {
		if p := (place{state: n.m.opts.StateDir, name: name}); !p.exists() || record[name] == nil {
			delete(record, name)
		}
	}
	for _, i := range all {
		if n.m.busy(i.place) {
			again = true
			continue
		}
		if !i.place.exists() { // its state is elsewhere, and so are who is told of it
			continue
		}
		states, err := container.Sessions(i.place.runDir(), i.State == StateRunning)
		if err != nil {
			continue
		}
		more, early := note(record, i, states, time.Now())
		tell, again = append(tell, more...), again || early
	}
	return tell, again, writeState(n.file(), record)
}

// note brings the record of one instance up to date, and gives what of it is new. What a signal ended just now is looked at again: its
// container may be about to stop.
func note(record map[string]*noted, i Instance, states []shim.State, now time.Time) (tell []notice, again bool) {
	was := record[i.place.name]
	if was == nil {
		was = &noted{}
	}
	is := &noted{Sessions: map[string]notedSession{}, Since: was.Since, Told: was.Told}
	if now.Sub(is.Since) > notifyWindow || now.Before(is.Since) {
		is.Since, is.Told = now, 0
	}
	for _, s := range states {
		old, known := was.Sessions[s.Name]
		if known = known && old.CreatedAt.Equal(s.CreatedAt); !known {
			old = notedSession{}
		}
		if since := now.Sub(s.EndedAt); s.ExitCode != nil && *s.ExitCode > signaled && !old.Ended && since >= 0 && since < notifyAgain {
			is.Sessions[s.Name] = notedSession{s.CreatedAt, old.Waiting, false}
			again = true
			continue
		}
		is.Sessions[s.Name] = notedSession{s.CreatedAt, s.Waiting, s.State != "running"}
		reason := reasonOf(old, s, known, i.State == StateRunning, now)
		if reason == "" {
			continue
		}
		if is.Told++; is.Told <= notifyBurst {
			tell = append(tell, notice{i, s.Name, reason, s.ExitCode, s.Attached})
		}
	}
	record[i.place.name] = is
	return tell, again
}

// reasonOf is what is new of a session, "" for nothing. An end of long ago is no news, nor is that of one whose container was stopped in
// order, and a setup that went well.
func reasonOf(old notedSession, s shim.State, known, running bool, now time.Time) string {
	ended := s.State != "running"
	switch {
	case !ended && s.Waiting && !old.Waiting:
		return "waiting"
	case !ended || old.Ended:
		return ""
	case s.EndedAt.IsZero() && !known, !s.EndedAt.IsZero() && now.Sub(s.EndedAt) > notifyFresh:
		return ""
	case s.ExitCode == nil && !running:
		return "stopped"
	case !running && *s.ExitCode > signaled, s.Name == setupSession && s.ExitCode != nil && *s.ExitCode == 0:
		return ""
	case s.ExitCode == nil || *s.ExitCode != 0:
		return "failed"
	case notReserved(s.Name) != nil: // a setup that ends well is what its run waits for
		return ""
	}
	return "exited"
}

// signaled is below the exit codes of programs that a signal ended.
const signaled = 128

// start runs the command for one notice, unless too many run.
func (n *notifier) start(ctx context.Context, argv []string, t notice) {
	log := n.m.log.With(zap.String("branch", t.instance.Branch), zap.String("session", t.session), zap.String("reason", t.reason))
	select {
	case n.busy <- struct{}{}:
	default:
		log.Warn("notify was not run, as it runs too often at the same time already")
		return
	}
	n.work.Go(func() {
		defer func() { <-n.busy }()
		out, err := notify(ctx, argv, n.m.opts.Home, t.env())
		switch {
		case errors.Is(err, errNotifyTime):
			log.Warn("notify was ended, as it took too long", zap.Duration("limit", notifyTime), zap.String("output", out))
		case err != nil:
			log.Warn("notify failed", zap.Error(err), zap.String("output", out))
		default:
			log.Info("notify", zap.String("output", out))
		}
	})
}

// env tells the command what happened. An agent chooses none of it but the exit code.
func (t notice) env() []string {
	all := []string{
		"HJK_REASON=" + t.reason, "HJK_REPO=" + t.instance.Repo, "HJK_BRANCH=" + t.instance.Branch, "HJK_SESSION=" + t.session,
		"HJK_WORKTREE=" + t.instance.Worktree, "HJK_ATTACHED=" + strconv.FormatBool(t.attached),
	}
	if t.code != nil {
		all = append(all, "HJK_EXIT_CODE="+strconv.Itoa(*t.code))
	}
	return all
}
