package agents

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// ExecStreams are the caller's streams for a command, and what else of it is not in its arguments.
type ExecStreams struct {
	In       io.Reader // nil is empty
	Out, Err io.Writer
	Signals  <-chan string // for the command, names of shim.Signals; may be nil. With them the end of the context is none of the command, once it runs
	Started  func()        // is called when it runs; may be nil

	Terminal bool // input and output are one, of this size
	Size     container.Size
	Resize   <-chan container.Size // may be nil

	Anywhere bool // where there is no folder Cwd, the worktree will do
}

// ExecStreams runs a command in the instance of a branch beside its sessions, as a session would: as its user, in its worktree, with its
// variables. An instance that does not run is started for it. It returns when the command has ended; the command ends when ctx does,
// and when this process does.
func (m *Manager) ExecStreams(ctx context.Context, a ExecArgs, s ExecStreams, fb Feedback) (shim.Ended, error) {
	if err := a.check(); err != nil {
		return shim.Ended{}, err
	}
	if err := m.trusted(); err != nil {
		return shim.Ended{}, err
	}
	go func() { _, _ = m.engines.get(ctx) }() // while git is asked; target waits for it
	t, err := m.execTarget(ctx, &a, fb)
	if err != nil {
		return shim.Ended{}, err
	}
	if !t.place.exists() {
		return shim.Ended{}, m.missing(ctx, t.place)
	}
	x := &execution{m: m, target: t, args: a, streams: s, fb: fb}
	if err := x.settings(ctx); err != nil {
		return shim.Ended{}, err
	}
	end, err := x.run(ctx)
	m.changed.kick()
	if err != nil {
		m.noteLost(t.eng, err)
		return shim.Ended{}, x.failed(err)
	}
	x.publish(ctx)
	return end, nil
}

func (m *Manager) execTarget(ctx context.Context, a *ExecArgs, fb Feedback) (target, error) {
	if !a.Short {
		return m.target(ctx, a.Workspace, a.Branch)
	}
	t, err := m.shortTarget(ctx, a.Branch, fb)
	if err == nil {
		a.Branch = t.place.Now
	}
	return t, err
}

func (a ExecArgs) check() error {
	if len(a.Command) == 0 || a.Command[0] == "" {
		return Errorf(CodeInvalidArgument, "the command is missing; name a program and its arguments, as in: %s", hjk("exec", a.Branch, "--", "ls", "-l"))
	}
	for _, word := range append([]string{a.Cwd}, a.Command...) {
		if strings.ContainsRune(word, 0) {
			return Errorf(CodeInvalidArgument, "the command has a NUL character, which no program can be given as an argument; give it by standard input")
		}
	}
	for k, v := range a.Env {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.ContainsRune(v, 0) {
			return Errorf(CodeInvalidArgument, "env: %q is no name of a variable, or its value has a NUL character", k)
		}
	}
	if a.TimeoutMS < 0 {
		return Errorf(CodeInvalidArgument, "timeoutMs is %d; give milliseconds, or leave it out for no limit", a.TimeoutMS)
	}
	return nil
}

// execution is one command on its way.
type execution struct {
	m *Manager
	target
	args    ExecArgs
	streams ExecStreams
	fb      Feedback
	wish    wish
	cmd     command // the session whose surroundings it gets

	found chan workspace.Worktree // gets the instance's worktree
}

// settings says what a session of the instance has, which the command gets too. No agent's credentials are among that, unless the
// caller wants them.
func (x *execution) settings(ctx context.Context) error {
	config, values, err := x.m.config(x.repo)
	if err != nil {
		return err
	}
	x.wish = wish{repo: x.repo, config: config, values: values}
	if err := x.m.agree(&x.wish, x.fb); err != nil {
		return err
	}
	as := shellAgent
	if x.args.As != "" {
		as = x.args.As
	}
	x.cmd, err = x.m.sessionCommand(ctx, x.wish, as, "", x.args.Env)
	return err
}

// run runs the command in the instance's container, which is started if need be.
func (x *execution) run(ctx context.Context) (shim.Ended, error) {
	end, ran, err := x.join(ctx)
	if ran || err != nil && !container.IsNotRunning(err) {
		return end, err
	}
	if x.args.NoStart {
		return end, Errorf(CodeInstanceStopped, "branch %q is stopped; start it with: %s", x.args.Branch, hjk("run", x.args.Branch))
	}
	if err := x.wake(ctx); err != nil {
		return end, err
	}
	end, ran, err = x.join(ctx)
	if err == nil && !ran || container.IsNotRunning(err) {
		err = Errorf(CodeInstanceStopped, "branch %q was stopped again before the command ran; try again", x.args.Branch)
	}
	return end, err
}

// wake makes sure that the instance's container runs, as a run would that starts no session.
func (x *execution) wake(ctx context.Context) error {
	_, own, err := x.m.settleWhere(ctx, x.eng, x.wish, RunArgs{Branch: x.place.Now, Here: true}, Feedback{})
	if err != nil {
		return err
	}
	up := &bringUp{m: x.m, eng: x.eng, fb: x.fb, place: x.place, own: own, wish: x.wish, cmd: x.cmd}
	if _, err = up.run(ctx); err != nil {
		return agentError(err, x.cmd, RunArgs{Branch: x.place.Now}, up.image)
	}
	for _, w := range up.warnings {
		x.fb.step(w)
	}
	x.m.changed.kick()
	return nil
}

// join runs the command in a container that runs. Until it has begun, nobody changes the instance. ran is false when there is no such
// container.
func (x *execution) join(ctx context.Context) (end shim.Ended, ran bool, err error) {
	l, err := tryLock(x.place.lock(), shared)
	if errors.Is(err, errLocked) { // somebody starts it, or stops it
		return end, false, nil
	}
	if err != nil {
		return end, false, wrap(err, CodeInternal)
	}
	defer l.unlock()
	c, ok, err := x.m.observe(ctx, x.eng, x.place)
	if err != nil || !ok || c.State != "running" {
		return end, false, err
	}
	if err := x.m.allowCredential(x.cmd, x.wish, c.ImageID, x.fb); err != nil {
		return end, false, err
	}
	if x.cmd, err = x.cmd.in(c.Worktree); err != nil {
		return end, false, err
	}
	mounts, err := x.eng.Shields(ctx, c.ID)
	if err != nil {
		return end, false, err
	}
	x.find(context.WithoutCancel(ctx))
	held, release := context.WithCancelCause(context.WithoutCancel(ctx))
	defer release(nil)
	stop := context.AfterFunc(ctx, func() { release(context.Cause(ctx)) })
	defer stop()
	end, err = x.eng.Exec(held, c.ID, c.Labels[container.LabelUser], container.Command{
		Request: x.request(c, mounts), In: x.streams.In, Out: x.streams.Out, Err: x.streams.Err, Resize: x.streams.Resize, Signals: x.streams.Signals,
		Started: func() {
			l.unlock()
			if x.streams.Signals != nil { // they are the command's from now on
				stop()
			}
			if limit := x.args.TimeoutMS; limit > 0 {
				timer := time.AfterFunc(time.Duration(limit)*time.Millisecond, func() { release(errExecTimeout) })
				context.AfterFunc(held, func() { timer.Stop() })
			}
			if x.streams.Started != nil {
				x.streams.Started()
			}
		},
	})
	return end, err == nil, err
}

// errExecTimeout is that a command took longer than its caller wanted.
var errExecTimeout = errors.New("the command took too long")

func (x *execution) request(c container.Container, mounts []shim.Mount) shim.Exec {
	dir, otherwise := x.args.Cwd, ""
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(c.Worktree, dir)
	}
	if x.streams.Anywhere {
		otherwise = c.Worktree
	}
	return shim.Exec{
		Argv: x.args.Command, Env: x.cmd.env, Host: x.cmd.host, Dir: dir, Otherwise: otherwise, Home: c.Labels[container.LabelHome],
		Terminal: x.streams.Terminal, Cols: x.streams.Size.Cols, Rows: x.streams.Size.Rows, Mounts: mounts,
	}
}

// find looks for the instance's worktree while the command runs: what the command committed is to come over as soon as it has ended.
func (x *execution) find(ctx context.Context) {
	x.found = make(chan workspace.Worktree, 1)
	go func() {
		wt, _, err := x.repo.Find(ctx, x.place.Now)
		if err != nil {
			x.m.log.Debug("cannot find the worktree of a command", zap.String("branch", x.place.Now), zap.Error(err))
		}
		x.found <- wt
	}()
}

// publish brings over what the command committed.
func (x *execution) publish(ctx context.Context) {
	if wt := <-x.found; wt.Path != "" {
		x.m.sync(context.WithoutCancel(ctx), x.repo, wt, x.place) // also where nobody waits for it any more
	}
}

// failed says what the caller can do about a command that did not run, or of which it is not known how it ended.
func (x *execution) failed(err error) error {
	branch := x.args.Branch
	var refused *container.SessionError
	var lost *container.LostError
	switch {
	case errors.Is(err, errExecTimeout):
		return Errorf(CodeCommandTimeout, "the command took longer than the %d ms of timeoutMs and was ended", x.args.TimeoutMS)
	case errors.Is(err, container.ErrOldHelper):
		return Errorf(CodeHelperOutdated, "%w; make it anew: %s", err, hjk("recreate", branch))
	case errors.As(err, &lost) && lost.Reason == container.Lost:
		return Errorf(CodeEngineUnreachable, "%w; whether the command goes on is told by: %s", err, hjk("ps"))
	case errors.As(err, &lost):
		return Errorf(CodeInstanceStopped, "the command ended as %w; what there is now is told by: %s", err, hjk("ps"))
	case !errors.As(err, &refused):
		return wrap(err, CodeEngineFailed)
	}
	switch refused.Code {
	case shim.CodeAgentMissing:
		return Errorf(CodeCommandNotFound, "%s", refused.Message)
	case shim.CodeUnrunnable:
		return Errorf(CodeNotExecutable, "%s", refused.Message)
	}
	return agentError(err, x.cmd, RunArgs{Branch: branch}, "")
}
