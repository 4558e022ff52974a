package agents

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// withSetup brings the instance up, runs its setup where that is due, and starts the session. The setup runs without the instance's
// lock: it may take its time, and stop, rm and exec do not wait for it. From then on nothing is taken back: the container is there
// for a look.
func (u *bringUp) withSetup(ctx context.Context) (*shim.State, error) {
	for {
		st, err := u.run(ctx)
		if err != nil || st != nil {
			return st, err
		}
		u.undo, u.made = nil, false
		if err := u.setUp(ctx); err != nil || u.again {
			return nil, err
		}
	}
}

// dueSetup reports whether the setup has to run before a session starts in the instance whose worktree is dir.
func (u *bringUp) dueSetup(dir string) (bool, error) {
	if u.again {
		return true, nil
	}
	if u.place.setup().State == "" {
		return false, nil
	}
	commands, err := u.m.setupOf(u.wish, u.place, dir)
	switch {
	case err != nil && u.noSetup:
		return false, nil
	case err != nil:
		return false, err
	case len(commands.Words) == 0: // an instance that was made without one needs none later
		return false, u.place.endSetup()
	}
	return !u.noSetup, nil
}

// first is the session with which the container starts, nil where the setup comes before it.
func (u *bringUp) first(dir, home string) (*shim.Start, error) {
	due, err := u.dueSetup(dir)
	if err != nil || due {
		return nil, err
	}
	if u.cmd, err = u.cmd.in(dir); err != nil {
		return nil, err
	}
	return u.request(dir, home), nil
}

// allow gets the user's consent to what the session and the setup are given.
func (u *bringUp) allow(dir, image string) error {
	if err := u.m.allowCredential(u.cmd, u.wish, image, u.fb); err != nil {
		return err
	}
	if due, err := u.dueSetup(dir); err != nil || !due {
		return err
	}
	return u.m.allowSetup(u.wish, u.place, dir, image, u.fb)
}

// lockSetup waits for the setup that another process runs. alone is false where there was one.
func (u *bringUp) lockSetup(ctx context.Context) (l *instanceLock, alone bool, err error) {
	if l, err = tryLock(u.place.setupLock(), exclusive); !errors.Is(err, errLocked) {
		return l, true, err
	}
	u.fb.step("waiting for the setup of " + u.place.Now + ", which runs already; watch it: " + hjk("attach", u.place.Now, setupSession))
	l, err = lockExclusive(ctx, u.place.setupLock())
	return l, false, err
}

// setUp runs the setup in the container that runs, or waits for the one that a killed process has left running.
func (u *bringUp) setUp(ctx context.Context) error {
	l, alone, err := u.lockSetup(ctx)
	if err != nil {
		return err
	}
	defer u.m.release(l, u.place)
	was := u.place.setup()
	if was.State == "" && (!u.again || !alone) {
		return nil // another has done it
	}
	c, ok, err := u.m.observe(ctx, u.eng, u.place)
	if err != nil {
		return err
	}
	if !ok || c.State != "running" {
		return Errorf(CodeInstanceStopped, "branch %q was stopped before its setup; start it again with: %s", u.place.Now, hjk("run", u.place.Now))
	}
	commands, err := u.m.setupOf(u.wish, u.place, c.Worktree)
	if err != nil {
		return err
	}
	f := follower{u.m, u.eng, u.fb, u.place, c.ID, setupSession}
	if !u.goesOn(f, was) {
		if err := u.startSetup(ctx, f, c, commands, was); err != nil {
			return u.notStarted(ctx, f, err, commands)
		}
	}
	u.m.changed.kick()
	how, err := f.wait(ctx)
	switch {
	case ctx.Err() != nil:
		u.cancelSetup(ctx, f, c)
		return err
	case err != nil: // nobody knows: the next run looks again
		return fmt.Errorf("how the setup of branch %q ends is not known: %w; when the engine is back, go on with: %s", u.place.Now, err, hjk("run", u.place.Now))
	case !how.well():
		return u.setupFails(ctx, f, commands, how.words())
	}
	now, err := u.conclude(ctx, true)
	if err == nil && now.State == "" {
		u.comeBack(ctx, c, was.Sessions)
	}
	return err
}

// goesOn reports whether the session of a setup that was begun by a process that is gone runs, or has ended well.
func (u *bringUp) goesOn(f follower, was setupRecord) bool {
	s, ok := f.session()
	if !ok || was.State != setupRunning || s.CreatedAt.Equal(was.Before) {
		return false
	}
	if s.State == "running" {
		u.fb.step("the setup of " + u.place.Now + " goes on, which a run began that was cut off")
		return true
	}
	return s.ExitCode != nil && *s.ExitCode == 0
}

func (u *bringUp) startSetup(ctx context.Context, f follower, c container.Container, commands workspace.Commands, was setupRecord) error {
	if err := u.m.allowSetup(u.wish, u.place, c.Worktree, c.ImageID, u.fb); err != nil {
		return err
	}
	now := setupRecord{State: setupRunning, Sessions: was.Sessions}
	if old, ok := f.session(); ok {
		now.Before = old.CreatedAt
	}
	if err := u.place.recordSetup(now); err != nil {
		return err
	}
	u.fb.step("setting up: " + commands.String())
	// To the end, which is bounded: a session whose start was cut off may be there a moment later, and nobody would end it.
	return u.m.begin(context.WithoutCancel(ctx), f, u.wish, chore{setupSession, commands}, c)
}

// notStarted tells a setup whose program does not start from what keeps any session from starting.
func (u *bringUp) notStarted(ctx context.Context, f follower, err error, commands workspace.Commands) error {
	var se *container.SessionError
	switch {
	case container.IsNotRunning(err):
		return u.setupFails(ctx, f, commands, err.Error())
	case !errors.As(err, &se) || se.Code == shim.CodeMounts:
		return err
	case se.Code == shim.CodeAgentMissing:
		return u.setupFails(ctx, f, commands, se.Message+missingHint(commands))
	}
	return u.setupFails(ctx, f, commands, se.Message)
}

// missingHint says what a program may be missing for.
func missingHint(commands workspace.Commands) string {
	switch program := commands.Words[0][0]; {
	case program == workspace.Shell:
		return "; this image has no shell: write the setup as the words of a command, [npm, ci]"
	case strings.ContainsAny(program, " \t\n"):
		return "; a list is one command and its arguments: several are a list of lists, [[npm, ci], [make]], and a text for the shell is no list"
	}
	return ""
}

// words say how a session ended that has not ended well.
func (o outcome) words() string {
	if o.exitCode == nil {
		return "its container was stopped or removed"
	}
	return "exit code " + strconv.Itoa(*o.exitCode)
}

// setupFails records a setup that has not ended well. The instance stays.
func (u *bringUp) setupFails(ctx context.Context, f follower, commands workspace.Commands, why string) error {
	if !u.recordFailed() {
		return Errorf(CodeInstanceNotFound, "the instance of branch %q was removed while its setup ran", u.place.Now)
	}
	if runs, err := f.running(ctx); err == nil && !runs {
		why = outcome{}.words()
	}
	text := "the setup of branch %q failed: %s: %s"
	args := []any{u.place.Now, commands, why}
	if end, err := container.Log(u.place.runDir(), setupSession, choreLines); err == nil && strings.TrimSpace(end) != "" {
		text += "; its last output:\n%s\n"
		args = append(args, strings.TrimRight(end, "\n"))
	} else {
		text += "; "
	}
	text += "the instance stays for a look: %s; then try again: %s, or go past it: %s"
	b := u.place.Now
	return Errorf(CodeSetupFailed, text, append(args, hjk("shell", b), hjk("setup", b), hjk("run", b, "--no-setup"))...)
}

// cancelSetup ends a setup that its user does not want to go on.
func (u *bringUp) cancelSetup(ctx context.Context, f follower, c container.Container) {
	if err := f.kill(ctx, c.Labels[container.LabelUser]); err != nil {
		u.m.log.Warn("cannot end a setup that was canceled", zap.String("branch", u.place.Now), zap.Error(err))
		return // it may go on: the next run looks
	}
	u.recordFailed()
}

// recordFailed records a setup that has not ended well, and reports whether the instance is still there.
func (u *bringUp) recordFailed() bool {
	ctx, cancel := context.WithTimeout(context.Background(), undoTimeout)
	defer cancel()
	if _, err := u.conclude(ctx, false); err != nil {
		u.m.log.Warn("cannot record a setup that failed", zap.String("branch", u.place.Now), zap.Error(err))
	}
	return u.place.exists()
}

// conclude records how the setup has ended, after the operation that may have ended it. That may have been a recreate, whose new container is
// to have its own setup: then the record is its. It gives what is recorded now.
func (u *bringUp) conclude(ctx context.Context, well bool) (setupRecord, error) {
	l, err := lockExclusive(ctx, u.place.lock())
	if err != nil {
		return setupRecord{}, err
	}
	defer u.m.release(l, u.place)
	defer u.m.changed.kick()
	now := u.place.setup()
	switch {
	case now.State != setupRunning:
		return now, nil
	case well:
		return setupRecord{}, u.place.endSetup()
	}
	now.State = setupFailed
	return now, u.place.recordSetup(now)
}

// comeBack starts the sessions that ran before the container was recreated.
func (u *bringUp) comeBack(ctx context.Context, c container.Container, sessions []Session) {
	s := swap{m: u.m, target: target{u.wish.repo, u.eng, u.place}, fb: u.fb, wish: u.wish}
	s.resume(ctx, resumption{c.ID, c.ImageID, c.Worktree, c.Labels[container.LabelHome], c.Labels[container.LabelUser]}, sessions)
	u.warnings = append(u.warnings, s.warnings...)
}
