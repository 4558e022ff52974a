package agents

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
)

// WaitArgs is the argument object of hjk-ls.wait.
type WaitArgs struct {
	Workspace string       `json:"workspace,omitempty"`
	Branch    string       `json:"branch,omitempty"`
	Session   string       `json:"session,omitempty"`  // default the one last used
	Sessions  []WaitTarget `json:"sessions,omitempty"` // in the place of branch and session, for several
	For       string       `json:"for,omitempty"`      // waiting, exit, or any, the default
	All       bool         `json:"all,omitempty"`      // until all of several are so far; else until the first is
	TimeoutMS *int64       `json:"timeoutMs,omitempty"`
}

// WaitTarget is one of several sessions that are waited for.
type WaitTarget struct {
	Branch  string `json:"branch"`
	Session string `json:"session,omitempty"`
}

// WaitResult is the result of hjk-ls.wait.
type WaitResult struct {
	Sessions []Reached `json:"sessions"` // that are so far, in the order they were named
	TimedOut bool      `json:"timedOut"`
}

// Reached is a session that needs no more waiting.
type Reached struct {
	Repo     string `json:"repo"`
	Branch   string `json:"branch"`
	Session  string `json:"session"`
	Reason   Reason `json:"reason"`
	ExitCode *int   `json:"exitCode,omitempty"` // of one that exited, where it is known
}

// Reason is why a session needs no more waiting.
type Reason string

// The reasons.
const (
	ReasonWaiting Reason = "waiting" // for its user
	ReasonExited  Reason = "exited"  // its program ended
	ReasonStopped Reason = "stopped" // its container runs no more, or is gone
)

// What can be waited for.
const (
	ForWaiting = "waiting"
	ForExit    = "exit"
	ForAny     = "any"
)

const (
	// waitPoll is how often the sessions' own files are looked at.
	waitPoll = 200 * time.Millisecond
	// waitAsk is how often the engine is asked whether the container runs: one that was killed leaves files as they were.
	waitAsk = 2 * time.Second
)

// Wait returns when a session, or all of several, wait for their user or have ended, or when the time is over, which is no error. A
// session that has ended never waits: also who waits for that alone gets it back at once.
func (m *Manager) Wait(ctx context.Context, a WaitArgs) (WaitResult, error) {
	all, err := m.waits(ctx, a)
	if err != nil {
		return WaitResult{}, err
	}
	var over <-chan time.Time
	if a.TimeoutMS != nil {
		t := time.NewTimer(time.Duration(*a.TimeoutMS) * time.Millisecond)
		defer t.Stop()
		over = t.C
	}
	tick := time.NewTicker(waitPoll)
	defer tick.Stop()
	for {
		left := 0
		for _, w := range all {
			if w.look(ctx, m, a.For); w.failed != nil {
				return WaitResult{}, w.failed
			}
			if w.reached == nil {
				left++
			}
		}
		if left == 0 || left < len(all) && !a.All {
			return soFar(all, false), nil
		}
		select {
		case <-ctx.Done():
			return WaitResult{}, wrap(context.Cause(ctx), CodeCanceled)
		case <-over:
			return soFar(all, true), nil
		case <-tick.C:
		}
	}
}

func soFar(all []*waited, timedOut bool) WaitResult {
	res := WaitResult{Sessions: []Reached{}, TimedOut: timedOut}
	for _, w := range all {
		if w.reached != nil {
			res.Sessions = append(res.Sessions, *w.reached)
		}
	}
	return res
}

// waits are the sessions that are waited for; each instance is there, or is being made.
func (m *Manager) waits(ctx context.Context, a WaitArgs) ([]*waited, error) {
	switch {
	case a.For != "" && a.For != ForWaiting && a.For != ForExit && a.For != ForAny:
		return nil, Errorf(CodeInvalidArgument, "for: %q is not one of waiting, exit, any", a.For)
	case len(a.Sessions) > 0 && (a.Branch != "" || a.Session != ""):
		return nil, Errorf(CodeInvalidArgument, "sessions stand in the place of branch and session; leave these out")
	case a.TimeoutMS != nil && (*a.TimeoutMS < 0 || *a.TimeoutMS > maxWait.Milliseconds()):
		return nil, Errorf(CodeInvalidArgument, "the time to wait must be from 0 to %v; leave it out to wait without an end", maxWait)
	}
	targets := a.Sessions
	if len(targets) == 0 {
		targets = []WaitTarget{{a.Branch, a.Session}}
	}
	var all []*waited
	for _, t := range targets {
		if t.Branch == "" {
			return nil, Errorf(CodeInvalidArgument, "branch is missing; hjk-ls ps lists the branches that have an instance")
		}
		tg, err := m.target(ctx, a.Workspace, t.Branch)
		if err != nil {
			return nil, err
		}
		if !tg.place.exists() && !m.busy(tg.place) {
			return nil, m.missing(ctx, tg.place)
		}
		all = append(all, &waited{target: tg, branch: t.Branch, session: t.Session})
	}
	return all, nil
}

// maxWait is far above what anybody waits, and a duration.
const maxWait = 365 * 24 * time.Hour

// waited is one session that is waited for.
type waited struct {
	target
	branch, session string // "" until one is there
	stopped         bool   // the container, when the engine was asked last
	asked           time.Time
	silent          bool // the engine, when it was asked last

	reached *Reached
	failed  error
}

// look finds out how far the session is. While somebody changes the instance nothing is told of it: recreate brings sessions back, and
// run one that is not there yet.
func (w *waited) look(ctx context.Context, m *Manager, wanted string) {
	if w.reached != nil {
		return
	}
	if m.busy(w.place) {
		w.asked, w.stopped = time.Time{}, false
		return
	}
	w.askEngine(ctx, m)
	s, err := pickSession(Instance{Branch: w.branch, Sessions: m.sessions(w.place.runDir(), !w.stopped)}, w.session)
	if m.busy(w.place) || ctx.Err() != nil || w.failed != nil {
		return
	}
	if err == nil {
		w.session = s.Name
	}
	switch {
	case err == nil && s.State == "running":
		if s.Waiting && wanted != ForExit {
			w.reach(ReasonWaiting, nil)
		}
	case err == nil && s.ExitCode == nil && w.stopped:
		w.reach(ReasonStopped, nil)
	case err == nil:
		w.reach(ReasonExited, s.ExitCode)
	case w.silent: // the engine has to say first what there is
	case w.session != "" && !w.place.exists():
		w.reach(ReasonStopped, nil)
	default:
		w.failed = err
	}
}

func (w *waited) reach(r Reason, code *int) {
	w.reached = &Reached{Repo: w.repo.Root, Branch: w.branch, Session: w.session, Reason: r, ExitCode: code}
}

// askEngine asks now and then whether the container runs. An engine that does not answer may come back.
func (w *waited) askEngine(ctx context.Context, m *Manager) {
	if time.Since(w.asked) < waitAsk {
		return
	}
	eng, err := m.engines.get(ctx)
	var c container.Container
	var ok bool
	if err == nil {
		c, ok, err = m.observe(ctx, eng, w.place)
	}
	if CodeOf(err) == CodeStateElsewhere {
		w.failed = err
		return
	}
	if err != nil {
		m.noteLost(eng, err)
		if !w.silent && ctx.Err() == nil {
			m.log.Warn("the container engine does not answer; waiting goes on", zap.String("branch", w.branch), zap.Error(err))
		}
		w.silent, w.asked = true, time.Now()
		return
	}
	w.silent, w.asked = false, time.Now()
	w.stopped = !ok || !slices.Contains([]string{"running", "restarting", "paused"}, c.State)
}
