package agents

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
)

// comeback is what a run starts: one session, and with it those that its container ended under and that are to go on.
type comeback struct {
	cmd      command
	name     string
	exact    bool
	resumed  bool              // cmd goes on where it was
	rest     []Session         // that come back with it
	env      map[string]string // the request's, for all of them
	lost     error             // why one does not come back
	warnings []string
}

// plan decides what a run starts: what ran before in the instance and is asked for, else a new session. Nothing in it is done yet,
// so that a wrong name is told before anything is made.
func (m *Manager) plan(ctx context.Context, w wish, a RunArgs, only bool) (comeback, error) {
	back, err := m.wanted(ctx, w, a)
	if err != nil {
		return comeback{}, err
	}
	b := comeback{env: a.Env}
	for _, se := range back {
		prompt := a.Prompt
		if b.resumed {
			prompt = ""
		}
		cmd, err := m.sessionCommand(ctx, w, se.Agent, prompt, a.Env)
		switch {
		case err != nil && CodeOf(err) == CodeInvalidArgument: // it takes no prompt
			b.rest = append(b.rest, se)
		case err != nil:
			b.lost, b.warnings = err, append(b.warnings, lostSession(se.Name, err))
		case b.resumed:
			b.rest = append(b.rest, se)
		default:
			b.cmd, b.name, b.exact, b.resumed = cmd, se.Name, true, true
		}
	}
	if b.resumed {
		return b, nil
	}
	if only {
		return comeback{}, cmp.Or(b.lost, nothingRan(a.Branch))
	}
	b.rest = nil
	b.cmd, err = m.sessionCommand(ctx, w, a.Agent, a.Prompt, a.Env)
	b.name, b.exact = sessionName(a.Session, b.cmd.agent), a.Session != ""
	return b, err
}

// wanted are the sessions that a run brings back: those of the agent and the name that it asks for, of all where it names none.
func (m *Manager) wanted(ctx context.Context, w wish, a RunArgs) ([]Session, error) {
	if a.Fresh {
		return nil, nil
	}
	p, err := m.placeOf(ctx, w.repo, a.Branch)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(p.ranDir()); err != nil { // nothing ever ran: no engine is asked
		return nil, nil
	}
	eng, err := m.engines.get(ctx)
	if err != nil {
		return nil, err
	}
	c, ok, err := m.observe(ctx, eng, p)
	if err != nil {
		return nil, m.failed(eng, err)
	}
	return slices.DeleteFunc(m.returning(p, ok && runs(c)), func(s Session) bool {
		return a.Agent != "" && s.Agent != a.Agent || a.Session != "" && s.Name != a.Session
	}), nil
}

// start is the command of the first session.
func (b comeback) start() command {
	if b.resumed {
		return b.cmd.resumed()
	}
	return b.cmd
}

// finish writes down what was started, and has what was brought back go on where it was: an agent that cannot begins anew, and the
// others come back too. It gives the names of all that did.
func (u *bringUp) finish(ctx context.Context, b comeback, st *shim.State, err error) (back []string, _ error) {
	if err != nil && (!b.resumed || !runsAlready(err)) {
		return nil, err
	}
	if st != nil {
		u.m.keepRan(u.place, st.Name, b.cmd.agent)
	}
	u.warnings = append(u.warnings, b.warnings...)
	if !b.resumed {
		return nil, nil
	}
	c, ok, err := u.m.observe(ctx, u.eng, u.place)
	if err != nil || !ok {
		return []string{b.name}, err
	}
	plain, err := b.cmd.in(c.Worktree)
	if err != nil {
		return []string{b.name}, err
	}
	s := swap{m: u.m, target: target{u.wish.repo, u.eng, u.place}, fb: u.fb, wish: u.wish, env: b.env}
	in := resumption{c.ID, c.ImageID, c.Worktree, c.Labels[container.LabelHome], c.Labels[container.LabelUser]}
	s.resume(ctx, in, b.rest, trial{b.name, plain})
	u.warnings = append(u.warnings, s.warnings...)
	return append([]string{b.name}, s.resumed...), nil
}

// runsAlready reports whether a session could not start because it runs: somebody else brought it back at the same moment.
func runsAlready(err error) bool {
	var se *container.SessionError
	return errors.As(err, &se) && se.Code == shim.CodeSessionExists
}

// runResult tells of what a run started, which may have begun anew since st.
func runResult(inst Instance, b comeback, st *shim.State, back, warnings []string) RunResult {
	res := RunResult{Instance: inst, Session: Session{Name: b.name, Agent: b.cmd.agent}, Resumed: back, Warnings: warnings}
	if st != nil {
		res.Session = session(*st)
	}
	for _, s := range inst.Sessions {
		if b.resumed && s.Name == b.name {
			res.Session = s
		}
	}
	return res
}
