package agents

import (
	"context"
	"errors"
	"runtime"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
)

// Run makes sure that branch has a worktree, an image and a running container, in that order, and starts a session in
// it. What was there already is used; what this call made is taken back when it fails. Calls for one branch take turns
// until the container runs, then their sessions start side by side.
func (m *Manager) Run(ctx context.Context, a RunArgs, fb Feedback) (RunResult, error) {
	if a.Branch == "" || a.PR != 0 {
		return m.runUnnamed(ctx, a, fb)
	}
	return m.run(ctx, a, runHow{}, fb)
}

// runHow is what of a run is otherwise than usual.
type runHow struct {
	only bool // what ran is brought back, and nothing else started
	anew bool // the branch must not be there yet: errNameTaken
}

// run is Run of a branch that has a name.
func (m *Manager) run(ctx context.Context, a RunArgs, how runHow, fb Feedback) (RunResult, error) {
	if err := m.trusted(); err != nil {
		return RunResult{}, err
	}
	if runtime.GOOS == "windows" { // a container has no C:\, and a worktree has the same path inside and outside
		return RunResult{}, Errorf(CodeEngineFailed, "agents run on Linux and macOS; on Windows open the repository in WSL and run them there")
	}
	r, err := m.repo(ctx, a.Workspace, a.Branch)
	if err != nil {
		return RunResult{}, err
	}
	if !utf8.ValidString(a.Branch) {
		return RunResult{}, Errorf(CodeInvalidBranch, "the name of branch %s is not UTF-8, and an engine cannot keep it; give the branch another: git branch -m", spelled(a.Branch))
	}
	config, values, err := m.config(r)
	if err != nil {
		return RunResult{}, err
	}
	for _, dir := range []string{r.Root, r.CommonDir, config.Worktrees, m.opts.StateDir} {
		if !utf8.ValidString(dir) {
			return RunResult{}, Errorf(CodeWorktreeFailed, "the path %s is not UTF-8, and an engine cannot mount it; rename that folder", spelled(dir))
		}
	}
	w := wish{repo: r, config: config, values: values, image: a.Image, allow: a.AllowPrivileges}
	if err := m.agree(&w, fb); err != nil {
		return RunResult{}, err
	}
	if err := notReserved(a.Session); err != nil {
		return RunResult{}, err
	}
	what, err := m.plan(ctx, w, a, how.only)
	if err != nil {
		return RunResult{}, err
	}
	m.syncBase(ctx, r, a.From)
	if err := r.Check(ctx, a.Branch, a.From); err != nil {
		return RunResult{}, wrap(err, CodeInvalidBranch)
	}
	eng, err := m.engines.get(ctx)
	if err != nil {
		return RunResult{}, err
	}
	m.sweep(ctx, eng)
	if err := r.EmptyTrash(ctx, time.Now()); err != nil {
		m.log.Warn("cannot empty the trash", zap.Error(err))
	}
	a, own, err := m.settleWhere(ctx, eng, w, a, fb)
	if err != nil {
		return RunResult{}, err
	}
	at, err := m.placeOf(ctx, r, a.Branch)
	if err != nil {
		return RunResult{}, err
	}
	up := &bringUp{
		m: m, eng: eng, fb: fb, place: at, from: a.From, own: own, wish: w,
		cmd: what.start(), session: what.name, exact: what.exact, asked: a.Image,
		noSetup: a.NoSetup, anew: how.anew,
	}
	st, err := up.withSetup(ctx)
	back, err := up.finish(ctx, what, st, err)
	m.tidy(ctx, eng)
	m.changed.kick()
	if err != nil {
		m.noteLost(eng, err)
		return RunResult{}, agentError(err, what.cmd, a, up.image)
	}
	inst, err := m.instance(ctx, eng, r, a.Branch)
	if err != nil {
		return RunResult{}, err
	}
	return runResult(inst, what, st, back, up.warnings), nil
}

func sessionName(wanted, agent string) string {
	if wanted != "" {
		return wanted
	}
	if notReserved(agent) != nil { // it has the name of a session of ours
		return "agent-" + agent
	}
	return agent
}

// bringUp takes one instance from whatever it is to a running container with one more session.
type bringUp struct {
	m     *Manager
	eng   *engine
	fb    Feedback
	place place
	wish  wish
	from  string
	own   string // the user's own checkout that the agent may work in

	cmd     command
	session string // its name, "" to start none
	exact   bool   // no other name will do
	asked   string // the request's image

	anew    bool // the branch must not be there yet
	noSetup bool // the session starts without it
	again   bool // the setup is all that is wanted, whatever has become of it before

	warnings []string // what the user should know of the container that was made

	undo  []func(context.Context) error // newest last
	image string                        // what the container is made from, for messages
	made  bool                          // this run made the instance: nobody has anything in its home yet
}

// undoTimeout bounds the taking back of a failed run; it goes on after the caller's context ended.
const undoTimeout = 30 * time.Second

// run gives no session, and no error, where the setup comes first.
func (u *bringUp) run(ctx context.Context) (*shim.State, error) {
	if err := u.m.reach(ctx, u.place); err != nil {
		return nil, err
	}
	if !u.anew {
		if st, done, err := u.join(ctx); done {
			return st, err
		}
	}
	l, err := lockExclusive(ctx, u.place.lock())
	if err != nil {
		return nil, err
	}
	defer l.unlock()
	if err := u.free(ctx); err != nil {
		return nil, err
	}
	st, err := u.ensure(ctx)
	if err == nil {
		return st, nil
	}
	if undone := u.takeBack(ctx); undone != nil {
		err = errors.Join(err, undone)
	}
	if !u.place.exists() {
		l.removeAndUnlock()
	}
	return nil, err
}

// join adds the session to a container that runs. done is false when there is none and it must be brought up.
func (u *bringUp) join(ctx context.Context) (st *shim.State, done bool, err error) {
	l, err := tryLock(u.place.lock(), shared)
	if err != nil {
		return nil, false, nil // somebody changes the instance: wait in line for the exclusive lock
	}
	defer l.unlock()
	all, err := u.m.containers(ctx, u.eng, u.place)
	if err != nil {
		return nil, true, err
	}
	if len(all) != 1 || all[0].State != "running" || u.place.awaitsHome() {
		return nil, false, nil
	}
	c := all[0]
	if has, err := u.hasTree(ctx, c); err != nil || !has {
		return nil, err != nil, err
	}
	if err := u.sameImage(ctx, c); err != nil {
		return nil, true, err
	}
	st, err = u.startSession(ctx, c)
	return st, !container.IsNotRunning(err), err
}

// ensure is run under the exclusive lock. A container may end while it is looked at: a stop that a killed process had
// asked for still goes on in the engine. And an image may be pruned before its container is made. Then it is looked at
// again.
func (u *bringUp) ensure(ctx context.Context) (*shim.State, error) {
	for range 3 {
		st, err := u.ensureOnce(ctx)
		if !container.IsNotRunning(err) && !imageGone(err) {
			return st, err
		}
	}
	return u.ensureOnce(ctx)
}

func (u *bringUp) ensureOnce(ctx context.Context) (*shim.State, error) {
	s := swap{m: u.m, target: target{u.wish.repo, u.eng, u.place}, fb: u.fb, wish: u.wish}
	if err := s.restore(ctx); err != nil {
		return nil, err
	}
	c, ok, err := u.m.settle(ctx, u.eng, u.place)
	if err != nil {
		return nil, err
	}
	if !ok {
		u.wish.keepRequest(u.place)
		return u.create(ctx, nil)
	}
	fate, err := u.reuse(ctx, c)
	switch {
	case err != nil:
		return nil, err
	case fate == joined:
		return u.startSession(ctx, c)
	case fate == started:
		st, failed, err := u.start(ctx, c)
		if !failed {
			return st, err
		}
		u.fb.step("replacing container " + c.Name + ", which does not start: " + err.Error())
	}
	u.wish.keepImage(c)
	u.wish.keepRequest(u.place)
	if fate == removed {
		if err := u.eng.Remove(ctx, c.ID); err != nil {
			return nil, err
		}
		return u.create(ctx, nil)
	}
	return u.create(ctx, &c)
}

// start starts the instance's container. It has failed when another is to take its place: a network, a port or a device it was
// made with is gone, or the engine lost track of it.
func (u *bringUp) start(ctx context.Context, c container.Container) (st *shim.State, failed bool, err error) {
	u.image = imageName(c)
	if err := u.allow(c.Worktree, c.ImageID); err != nil {
		return nil, false, err
	}
	first, err := u.first(c.Worktree, c.Labels[container.LabelHome])
	if err != nil {
		return nil, false, err
	}
	u.follow(ctx, c)
	u.followCertificates()
	u.fb.step("starting container " + c.Name)
	st, err = u.eng.Start(ctx, c.ID, first)
	var se *container.SessionError
	if err == nil || errors.As(err, &se) || ctx.Err() != nil || container.IsUnreachable(err) || container.IsNotRunning(err) ||
		errors.Is(err, container.ErrMounts) {
		return st, false, err
	}
	return nil, true, err
}

// follow tells git in a container that is to start again what the host's configuration is by now. A sync holds what it does not know.
func (u *bringUp) follow(ctx context.Context, c container.Container) {
	wt, found, err := u.wish.repo.Find(ctx, u.place.Now)
	if priv := u.wish.repo.Private(wt, u.place.gitDir(), u.place.name); err == nil && found && priv.Exists() {
		err = priv.Follow(ctx)
	}
	if err != nil {
		u.m.log.Warn("cannot tell git in the container of the host's configuration", zap.String("branch", u.place.Now), zap.Error(err))
	}
	u.warn(ctx, c.Worktree)
}

// warn notes what of the user's git is otherwise in a container that is to start.
func (u *bringUp) warn(ctx context.Context, worktree string) {
	u.warnings = nil // of an attempt before
	for _, n := range u.wish.repo.Notices(ctx, worktree) {
		u.warnings = append(u.warnings, n.Text+"; "+n.Fix)
	}
}

func (u *bringUp) takeBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	var errs []error
	for i := len(u.undo) - 1; i >= 0; i-- {
		errs = append(errs, u.undo[i](ctx))
	}
	return errors.Join(errs...)
}

// request is for the session; nil for none.
func (u *bringUp) request(dir, home string) *shim.Start {
	if u.session == "" {
		return nil
	}
	req := u.cmd.start(dir)
	req.Name, req.Exact, req.Home = u.session, u.exact, home
	req.User = u.m.user(u.eng)
	return &req
}

func (u *bringUp) startSession(ctx context.Context, c container.Container) (*shim.State, error) {
	u.image = imageName(c)
	if err := u.allow(c.Worktree, c.ImageID); err != nil {
		return nil, err
	}
	if due, err := u.dueSetup(c.Worktree); err != nil || due {
		return nil, err
	}
	var err error
	if u.cmd, err = u.cmd.in(c.Worktree); err != nil {
		return nil, err
	}
	if u.session == "" {
		return nil, nil
	}
	u.fb.step("starting session " + u.session)
	req := *u.request(c.Worktree, c.Labels[container.LabelHome])
	if req.Mounts, err = u.eng.Shields(ctx, c.ID); err != nil {
		return nil, err
	}
	st, err := u.eng.StartSession(ctx, c.ID, c.Labels[container.LabelUser], req)
	if err != nil {
		return nil, err
	}
	return &st, nil
}
