package agents

import (
	"context"
	"io"

	"github.com/gilmanlab/hjk-ls/container"
)

// Attach tells the command line that attaches a terminal to a session: the named one, else the one last used.
func (m *Manager) Attach(ctx context.Context, a SessionArgs) (AttachResult, error) {
	inst, s, t, err := m.findSession(ctx, a)
	if err != nil {
		return AttachResult{}, err
	}
	argv := []string{m.opts.Executable}
	if m.opts.EngineHost != "" {
		argv = append(argv, "--host", m.opts.EngineHost)
	}
	argv = append(argv, "attach", "--workspace", inst.Repo)
	if !m.mayCopy(t) { // the command does not know the editor's settings
		argv = append(argv, "--no-clipboard")
	}
	return AttachResult{
		Branch: inst.Branch, Session: s.Name, Cwd: inst.Worktree,
		Argv: append(argv, "--", inst.Branch, s.Name),
	}, nil
}

// mayCopy tells whether programs may write to the clipboard.
func (m *Manager) mayCopy(t target) bool {
	c, _, err := m.config(t.repo)
	return err == nil && c.Clipboard == "write"
}

// Recreated is why an attach ended whose container has a successor.
const Recreated container.Reason = "recreated"

// OpenTerminal attaches t to a session and returns when the terminal is detached or the session ends.
func (m *Manager) OpenTerminal(ctx context.Context, a SessionArgs, t container.Terminal) (AttachOutcome, error) {
	inst, s, tg, err := m.findSession(ctx, a)
	if err != nil {
		return AttachOutcome{}, err
	}
	c, ok, err := m.observe(ctx, tg.eng, tg.place)
	if err != nil {
		return AttachOutcome{}, m.failed(tg.eng, err)
	}
	if !ok {
		return AttachOutcome{}, noInstance(inst.Branch)
	}
	if !m.mayCopy(tg) {
		t.Clipboard = nil
	}
	res, err := tg.eng.Attach(ctx, c.ID, c.Labels[container.LabelUser], s.Name, t)
	if err != nil {
		return AttachOutcome{}, m.failed(tg.eng, err)
	}
	out := AttachOutcome{AttachResult: res, Branch: inst.Branch, Session: s}
	if out.Reason == container.Stopped || out.Reason == container.Removed {
		if now, ok, err := m.observe(ctx, tg.eng, tg.place); err == nil && ok && now.ID != c.ID {
			out.Reason = Recreated
		}
	}
	running := res.Reason != container.Stopped && res.Reason != container.Removed
	for _, now := range m.sessions(tg.place.runDir(), running) {
		if now.Name == s.Name {
			out.Session, out.ExitCode = now, now.ExitCode
		}
	}
	return out, nil
}

// findSession finds a session that can be attached to.
func (m *Manager) findSession(ctx context.Context, a SessionArgs) (Instance, Session, target, error) {
	inst, t, err := m.findInstance(ctx, a)
	if err != nil {
		return Instance{}, Session{}, target{}, err
	}
	if inst.State != StateRunning {
		return Instance{}, Session{}, target{}, Errorf(CodeInstanceStopped, "branch %q is %s; start it with: %s", inst.Branch, inst.State, hjk("run", inst.Branch))
	}
	s, err := pickSession(inst, a.Session)
	if err != nil {
		return Instance{}, Session{}, target{}, err
	}
	if s.State != "running" {
		return Instance{}, Session{}, target{}, Errorf(CodeSessionEnded, "session %q of branch %q has ended; read its output with: %s, or start another with: %s",
			s.Name, inst.Branch, hjk("logs", inst.Branch, s.Name), hjk("run", inst.Branch))
	}
	return inst, s, t, nil
}

// findInstance finds the named branch's instance, or the one whose session was used last.
func (m *Manager) findInstance(ctx context.Context, a SessionArgs) (Instance, target, error) {
	if a.Branch == "" {
		branch, repo, err := m.lastUsed(ctx, a.Workspace)
		if err != nil {
			return Instance{}, target{}, err
		}
		a.Branch, a.Workspace = branch, repo
	}
	t, err := m.target(ctx, a.Workspace, a.Branch)
	if err != nil {
		return Instance{}, target{}, err
	}
	inst, err := m.instance(ctx, t.eng, t.repo, a.Branch)
	if err != nil {
		return Instance{}, target{}, m.failed(t.eng, err)
	}
	return inst, t, nil
}

func (m *Manager) lastUsed(ctx context.Context, hint string) (branch, repo string, err error) {
	list, err := m.List(ctx, ListArgs{Workspace: hint})
	if err != nil {
		return "", "", err
	}
	var best *Session
	for _, inst := range list.Instances {
		if inst.State != StateRunning {
			continue
		}
		for _, s := range inst.Sessions {
			if s.State == "running" && (best == nil || s.LastUsed.After(best.LastUsed)) {
				best, branch, repo = &s, inst.Branch, inst.Worktree
			}
		}
	}
	if best == nil {
		return "", "", Errorf(CodeSessionNotFound, "no session runs here; start one with: hjk-ls run BRANCH")
	}
	return branch, repo, nil
}

// defaultTail is how many lines logs gives when nothing is said.
const defaultTail = 100

// Logs gives the newest output of a session, with terminal control sequences removed. It needs no engine, so that the
// output of what ran stays readable whatever happened since.
func (m *Manager) Logs(ctx context.Context, a LogsArgs) (LogsResult, error) {
	p, name, err := m.logOf(ctx, a)
	if err != nil {
		return LogsResult{}, err
	}
	text, err := container.Log(p.runDir(), name, tail(a))
	if err != nil {
		return LogsResult{}, wrap(err, CodeSessionNotFound)
	}
	return LogsResult{Text: text}, nil
}

// FollowLogs writes a session's output to w as it comes, until the session ends or ctx does.
func (m *Manager) FollowLogs(ctx context.Context, a LogsArgs, w io.Writer) error {
	p, name, err := m.logOf(ctx, a)
	if err != nil {
		return err
	}
	return wrap(container.FollowLog(ctx, p.runDir(), name, tail(a), w), CodeInternal)
}

func tail(a LogsArgs) int {
	if a.Tail == nil {
		return defaultTail
	}
	return *a.Tail
}

func (m *Manager) logOf(ctx context.Context, a LogsArgs) (place, string, error) {
	if a.Branch == "" {
		return place{}, "", Errorf(CodeInvalidArgument, "branch is missing; hjk-ls ps lists the branches that have an instance")
	}
	r, err := m.repo(ctx, a.Workspace, a.Branch)
	if err != nil {
		return place{}, "", err
	}
	p, err := m.placeOf(ctx, r, a.Branch)
	if err != nil {
		return place{}, "", err
	}
	if !p.exists() {
		return place{}, "", m.missing(ctx, p)
	}
	s, err := pickSession(Instance{Branch: a.Branch, Sessions: m.sessions(p.runDir(), true)}, a.Session)
	return p, s.Name, err
}
