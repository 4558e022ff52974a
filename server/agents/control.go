package agents

import (
	"context"
	"time"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// target is an instance an operation acts on.
type target struct {
	repo  *workspace.Repo
	eng   *engine
	place place
}

func (m *Manager) target(ctx context.Context, hint, branch string) (target, error) {
	if branch == "" {
		return target{}, Errorf(CodeInvalidArgument, "branch is missing; hjk-ls ps lists the branches that have an instance")
	}
	r, err := m.repo(ctx, hint, branch)
	if err != nil {
		return target{}, err
	}
	return m.targetIn(ctx, r, branch)
}

func (m *Manager) targetIn(ctx context.Context, r *workspace.Repo, branch string) (target, error) {
	eng, err := m.engines.get(ctx)
	if err != nil {
		return target{}, err
	}
	p, err := m.placeOf(ctx, r, branch)
	return target{repo: r, eng: eng, place: p}, err
}

// Stop ends the instance's programs and its container: SIGTERM to all of them, a hang-up for terminals, and SIGKILL
// after container.StopGrace. Worktree, branch, home and logs stay. A stopped instance is no error.
func (m *Manager) Stop(ctx context.Context, a BranchArgs, fb Feedback) (InstanceResult, error) {
	t, err := m.target(ctx, a.Workspace, a.Branch)
	if err != nil {
		return InstanceResult{}, err
	}
	l, err := lockExclusive(ctx, t.place.lock())
	if err != nil {
		return InstanceResult{}, wrap(err, CodeInternal)
	}
	defer m.release(l, t.place)
	c, ok, err := m.settle(ctx, t.eng, t.place)
	if err != nil {
		return InstanceResult{}, m.failed(t.eng, err)
	}
	if err := t.place.endExchange(); err != nil { // what ran before one that was cut off is not to run
		return InstanceResult{}, wrap(err, CodeInternal)
	}
	if ok && c.State != "exited" && c.State != "created" {
		fb.step("stopping " + c.Name)
		ran := m.sessions(t.place.runDir(), true)
		if err := t.eng.Stop(ctx, c.ID, container.StopGrace); err != nil {
			return InstanceResult{}, m.failed(t.eng, err)
		}
		m.keepStopped(t.place, ran)
	}
	m.changed.kick()
	inst, err := m.instance(ctx, t.eng, t.repo, a.Branch) // and syncs what was committed last
	return InstanceResult{Instance: inst}, err
}

// release unlocks; the lock's file goes when the instance has nothing else.
func (m *Manager) release(l *instanceLock, p place) {
	if p.exists() {
		l.unlock()
		return
	}
	l.removeAndUnlock()
}

// Kill ends one session; its exit status and its log stay.
func (m *Manager) Kill(ctx context.Context, a SessionArgs) (InstanceResult, error) {
	t, err := m.target(ctx, a.Workspace, a.Branch)
	if err != nil {
		return InstanceResult{}, err
	}
	inst, err := m.instance(ctx, t.eng, t.repo, a.Branch)
	if err != nil {
		return InstanceResult{}, m.failed(t.eng, err)
	}
	s, err := pickSession(inst, a.Session)
	if err != nil {
		return InstanceResult{}, err
	}
	if s.State == "running" && inst.State == StateRunning {
		c, ok, err := m.observe(ctx, t.eng, t.place)
		if err == nil && ok {
			err = t.eng.KillSession(ctx, c.ID, c.Labels[container.LabelUser], s.Name)
		}
		if err != nil && !m.endedMeanwhile(ctx, t) {
			return InstanceResult{}, m.failed(t.eng, err)
		}
	}
	t.place.forgetRan(s.Name)
	m.changed.kick()
	inst, err = m.instance(ctx, t.eng, t.repo, a.Branch)
	return InstanceResult{Instance: inst}, err
}

// endedMeanwhile reports whether the container has stopped while something was asked of it, and its sessions with it.
func (m *Manager) endedMeanwhile(ctx context.Context, t target) bool {
	for range 20 { // the engine tells a little later than the programs know
		c, ok, err := m.observe(ctx, t.eng, t.place)
		if err != nil {
			return false
		}
		if !ok || c.State != "running" {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}

// pickSession finds the named session, or the one last used; one that runs is preferred.
func pickSession(inst Instance, name string) (Session, error) {
	var best *Session
	for i := range inst.Sessions {
		s := &inst.Sessions[i]
		switch {
		case name != "" && s.Name != name:
		case best == nil, s.State == "running" && best.State != "running",
			s.State == best.State && s.LastUsed.After(best.LastUsed):
			best = s
		}
	}
	if best != nil {
		return *best, nil
	}
	if name != "" {
		return Session{}, Errorf(CodeSessionNotFound, "branch %q has no session %q; hjk-ls ps lists its sessions", inst.Branch, name)
	}
	return Session{}, Errorf(CodeSessionNotFound, "branch %q has no session; start one with: %s", inst.Branch, hjk("run", inst.Branch))
}
