package agents

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/moby/buildkit/client"
	"golang.org/x/sync/errgroup"
)

// StartArgs is the argument object of hjk-ls.start.
type StartArgs struct {
	Workspace string   `json:"workspace,omitempty"`
	Branches  []string `json:"branches,omitempty"` // none is every one on which something ran
	All       bool     `json:"all,omitempty"`      // of every repository
	NoSetup   bool     `json:"noSetup,omitempty"`  // also where a setup is due, or failed
}

// StartResult is the result of hjk-ls.start.
type StartResult struct {
	Started []Started   `json:"started"`
	Failed  []Unstarted `json:"failed,omitempty"`
}

// Started is an instance on which all runs that is to.
type Started struct {
	Instance Instance `json:"instance"`
	Sessions []string `json:"sessions"` // that were brought back; none where all ran already
	Warnings []string `json:"warnings,omitempty"`
}

// Unstarted is an instance that did not come back. It keeps no other from it.
type Unstarted struct {
	Repo    string `json:"repo,omitempty"`
	Branch  string `json:"branch"`
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// Start brings back what ran when its container ended: by stop, with the engine or with the machine. What ended by itself or by
// kill stays ended.
func (m *Manager) Start(ctx context.Context, a StartArgs, fb Feedback) (StartResult, error) {
	if err := m.trusted(); err != nil {
		return StartResult{}, err
	}
	if slices.Contains(a.Branches, "") {
		return StartResult{}, Errorf(CodeInvalidArgument, "a branch has no name; hjk-ls ps lists those that have an instance")
	}
	eng, err := m.engines.get(ctx) // a list without one says nothing of what runs
	if err != nil {
		return StartResult{}, err
	}
	m.sweep(ctx, eng)
	list, err := m.List(ctx, ListArgs{Workspace: a.Workspace, All: a.All})
	if err != nil {
		return StartResult{}, err
	}
	which, missing := chosen(list.Instances, a.Branches)
	res := StartResult{Started: []Started{}, Failed: missing}
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(atOnce)
	fb = fb.shared()
	for _, inst := range which {
		g.Go(func() error {
			one, err := m.startOne(ctx, inst, a.NoSetup, fb)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				res.Failed = append(res.Failed, Unstarted{inst.Repo, inst.Branch, CodeOf(err), err.Error()})
			} else {
				res.Started = append(res.Started, one)
			}
			return nil
		})
	}
	_ = g.Wait()
	if ctx.Err() != nil {
		return StartResult{}, wrap(context.Cause(ctx), CodeCanceled)
	}
	slices.SortFunc(res.Started, func(a, b Started) int {
		return cmp.Or(cmp.Compare(a.Instance.Repo, b.Instance.Repo), cmp.Compare(a.Instance.Branch, b.Instance.Branch))
	})
	slices.SortFunc(res.Failed, func(a, b Unstarted) int {
		return cmp.Or(cmp.Compare(a.Repo, b.Repo), cmp.Compare(a.Branch, b.Branch))
	})
	return res, nil
}

// chosen are the instances of some branches, or those on which something comes back where none is named.
func chosen(all []Instance, branches []string) (which []Instance, missing []Unstarted) {
	if len(branches) == 0 {
		return slices.DeleteFunc(slices.Clone(all), func(i Instance) bool { return !i.comesBack() }), nil
	}
	for _, b := range slices.Compact(slices.Sorted(slices.Values(branches))) {
		found := false
		for _, i := range all {
			if i.Branch == b {
				which, found = append(which, i), true
			}
		}
		if !found {
			missing = append(missing, Unstarted{Branch: b, Code: CodeInstanceNotFound, Message: noInstance(b).Error()})
		}
	}
	return which, missing
}

func (i Instance) comesBack() bool {
	return slices.ContainsFunc(i.Sessions, func(s Session) bool { return s.ComesBack })
}

func (m *Manager) startOne(ctx context.Context, inst Instance, noSetup bool, fb Feedback) (Started, error) {
	if !inst.comesBack() {
		if !slices.ContainsFunc(inst.Sessions, func(s Session) bool { return s.State == "running" }) {
			return Started{}, nothingRan(inst.Branch)
		}
		return Started{Instance: inst, Sessions: []string{}}, nil
	}
	res, err := m.run(ctx, RunArgs{Workspace: inst.Repo, Branch: inst.Branch, Here: true, NoSetup: noSetup}, runHow{only: true}, fb)
	if CodeOf(err) == CodeSessionNotFound { // somebody else brought it back meanwhile
		if now, ok := m.now(ctx, inst); ok && now.State == StateRunning {
			return Started{Instance: now, Sessions: []string{}}, nil
		}
	}
	return Started{Instance: res.Instance, Sessions: res.Resumed, Warnings: res.Warnings}, err
}

// now is an instance as it is by now.
func (m *Manager) now(ctx context.Context, inst Instance) (Instance, bool) {
	t, err := m.target(ctx, inst.Repo, inst.Branch)
	if err == nil {
		inst, err = m.instance(ctx, t.eng, t.repo, inst.Branch)
	}
	return inst, err == nil
}

func nothingRan(branch string) error {
	return Errorf(CodeSessionNotFound, "nothing on branch %q is to come back: what ran there ended by itself or by kill; start an agent with: %s", branch, hjk("run", branch))
}

// shared is feedback for operations that go on side by side: it is given one at a time.
func (f Feedback) shared() Feedback {
	var mu sync.Mutex
	one := f
	if f.Step != nil {
		one.Step = func(message string) {
			mu.Lock()
			defer mu.Unlock()
			f.Step(message)
		}
	}
	if f.Solve != nil {
		one.Solve = func(s *client.SolveStatus) {
			mu.Lock()
			defer mu.Unlock()
			f.Solve(s)
		}
	}
	if f.Consent != nil {
		one.Consent = func(what string, flags []string) Answer {
			mu.Lock()
			defer mu.Unlock()
			return f.Consent(what, flags)
		}
	}
	return one
}
