package agents

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/gilmanlab/hjk-ls/container"
)

const (
	chorePoll   = 50 * time.Millisecond
	choreEngine = time.Second // how often the engine is asked whether the container runs
	choreLines  = 20          // of output in an error
)

// follower waits for a session of a container and tells its output meanwhile.
type follower struct {
	m    *Manager
	eng  *engine
	fb   Feedback
	p    place
	id   string // of the container
	name string // of the session
}

// outcome is how a session ended. Without an exit code its container did.
type outcome struct{ exitCode *int }

func (o outcome) well() bool { return o.exitCode != nil && *o.exitCode == 0 }

// wait waits until the session has ended. It ends with ctx, and the session goes on.
func (f follower) wait(ctx context.Context) (outcome, error) {
	var told sync.WaitGroup
	defer told.Wait()
	following, stop := context.WithCancel(ctx)
	defer stop()
	told.Go(func() {
		out := &lines{tell: f.fb.output}
		_ = container.FollowLog(following, f.p.runDir(), f.name, -1, out)
		out.end()
	})
	waits := false
	for asked := time.Now(); ; {
		s, ok := f.session()
		switch {
		case !ok:
			return outcome{}, nil // somebody removed what it left
		case s.State != "running":
			told.Wait() // the output is there to its end
			return outcome{s.ExitCode}, nil
		case s.Waiting && !waits:
			f.fb.step("the " + f.name + " waits for an answer; give it in: " + hjk("attach", f.p.Now, f.name))
		}
		waits = s.Waiting
		if time.Since(asked) > choreEngine {
			if runs, err := f.running(ctx); err != nil || !runs {
				return outcome{}, err
			}
			asked = time.Now()
		}
		select {
		case <-ctx.Done():
			return outcome{}, context.Cause(ctx)
		case <-time.After(chorePoll):
		}
	}
}

func (f follower) session() (Session, bool) { return f.m.sessionNamed(f.p, f.name) }

// sessionNamed is a session as its state in the run folder tells it.
func (m *Manager) sessionNamed(p place, name string) (Session, bool) {
	for _, s := range m.sessions(p.runDir(), true) {
		if s.Name == name {
			return s, true
		}
	}
	return Session{}, false
}

// running reports whether the container is there and runs, or is held up and will go on.
func (f follower) running(ctx context.Context) (bool, error) {
	c, err := f.eng.Inspect(ctx, f.id)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil && (c.State == "running" || c.State == "paused"), err
}

// kill ends the session, whatever has become of who waits for it.
func (f follower) kill(ctx context.Context, user string) error {
	return f.eng.KillSession(context.WithoutCancel(ctx), f.id, user, f.name)
}

// maxLine bounds a line of output that is told: it is another's to write.
const maxLine = 4 << 10

// lines tells what is written to it line by line.
type lines struct {
	tell func(string)
	rest []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, after, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			break
		}
		l.say(line)
		l.rest = after
	}
	if len(l.rest) > maxLine {
		l.rest = l.rest[:maxLine]
	}
	return len(p), nil
}

func (l *lines) say(line []byte) { l.tell(string(line[:min(len(line), maxLine)])) }

// end tells a last line without its newline.
func (l *lines) end() {
	if len(l.rest) > 0 {
		l.say(l.rest)
	}
	l.rest = nil
}
