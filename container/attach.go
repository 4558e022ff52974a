package container

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"

	"github.com/gilmanlab/hjk-ls/container/pane"
	"github.com/gilmanlab/hjk-ls/container/shim"
)

// AttachResult is why an attach ended.
type AttachResult struct {
	Reason      Reason
	OutOfMemory bool // the kernel killed the program, or the container's PID 1, for want of memory
}

// Reason is why an attach ended.
type Reason string

// The reasons.
const (
	Detached Reason = "detached" // the session goes on running
	Replaced Reason = "replaced" // it does, and another terminal attached
	Ended    Reason = "ended"    // the session's program ended
	Killed   Reason = "killed"   // it was ended by KillSession
	Stopped  Reason = "stopped"  // its container was stopped or killed
	Removed  Reason = "removed"  // its container is no more
	Lost     Reason = "lost"     // the engine does not answer any more
)

// Attach connects t to a session until the viewer detaches, the session ends, another viewer takes over, or the
// container goes away. The terminal sees what passes package pane, and is put back to how it was. t.In is read in a goroutine
// that ends with the next read after Attach returned: give a reader that can be canceled.
func (e *Engine) Attach(ctx context.Context, id, user, session string, t Terminal) (AttachResult, error) {
	viewer := rand.Text()
	exec, att, err := e.execTerminal(ctx, id, user, session, viewer, t)
	if err != nil {
		return AttachResult{}, fmt.Errorf("attach to session %s: %w", session, err)
	}
	defer att.Close()
	outer := ctx
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	stop := context.AfterFunc(ctx, att.Close)
	defer stop()
	leave := time.AfterFunc(1<<62, cancel)
	defer leave.Stop()
	in := newKeys(func() { leave.Reset(leaveTime) }) // the helper does it sooner, where nobody keeps it from that
	defer in.end()
	go in.typed(t.In)
	go func() {
		in.send(att.Conn)
		_ = att.CloseWrite()
	}()
	resized := make(chan struct{})
	go func() {
		defer close(resized)
		e.resize(ctx, exec, t)
	}()
	copyErr := show(t, att.Reader, in)
	if ctx.Err() != nil {
		e.detach(context.WithoutCancel(ctx), id, user, viewer)
		return AttachResult{Reason: Detached}, context.Cause(outer)
	}
	cancel()
	<-resized
	return e.attachEnd(context.WithoutCancel(ctx), id, exec, in.left.Load(), copyErr)
}

// leaveTime is how long the helper has to obey the keys that detach. Who leaves without it leaves just as well.
const leaveTime = 3 * time.Second

// lateReports is how long after an attach the terminal is still read: what it had sent of its mouse must not come to who
// reads it next.
const lateReports = 100 * time.Millisecond

// show writes a program's output to its viewer's terminal. What comes may be of any process of the session's user, whatever
// the helper has let through; so the terminal is guarded here.
func show(t Terminal, r io.Reader, in *keys) error {
	glass := pane.New(pane.Options{Clipboard: t.Clipboard, Answer: in.answer})
	defer func() {
		reports := glass.Reporting()
		_, _ = t.Out.Write(glass.Restore())
		if reports {
			time.Sleep(lateReports)
		}
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if b := glass.Filter(buf[:n]); len(b) > 0 {
			if _, err := t.Out.Write(b); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// unusedKeys end an attach in the engine, which cannot be told to have no such keys: its default, Ctrl-p Ctrl-q, would end the
// helper's command as failed before the helper sees them, and keep every Ctrl-p back until the next key. These nobody types;
// they begin with the key that is least missed until the next, Ctrl-Space.
const unusedKeys = `ctrl-@,ctrl-_,ctrl-@,ctrl-^,ctrl-@,ctrl-],ctrl-@,ctrl-_`

func (e *Engine) execTerminal(ctx context.Context, id, user, session, viewer string, t Terminal) (string, types.HijackedResponse, error) {
	size := &[2]uint{uint(max(t.Rows, 1)), uint(max(t.Cols, 1))}
	var att types.HijackedResponse
	var ex container.ExecCreateResponse
	err := e.call(ctx, func(ctx context.Context) (err error) {
		ex, err = e.api.ContainerExecCreate(ctx, id, container.ExecOptions{
			User: user, WorkingDir: "/", Tty: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
			DetachKeys: unusedKeys, ConsoleSize: size, Cmd: []string{shim.Path, "session", "attach", session, "--term", t.Term, "--viewer", viewer},
		})
		if err != nil {
			return err
		}
		att, err = e.api.ContainerExecAttach(ctx, ex.ID, container.ExecAttachOptions{Tty: true, ConsoleSize: size})
		return err
	})
	return ex.ID, att, err
}

// detachTime bounds the goodbye of a terminal that was closed.
const detachTime = 15 * time.Second

// detach ends a viewer's command in the container: the engine would leave it running, and the session attached.
func (e *Engine) detach(ctx context.Context, id, user, viewer string) {
	ctx, cancel := context.WithTimeout(ctx, detachTime)
	defer cancel()
	_, _ = e.run(ctx, id, user, nil, shim.Path, "session", "detach", viewer)
}

// resize passes the viewer's size on: once at the start, as Docker before 23 ignores ConsoleSize, then at each change.
func (e *Engine) resize(ctx context.Context, exec string, t Terminal) {
	set := func(s Size) {
		_ = e.call(ctx, func(ctx context.Context) error {
			return e.api.ContainerExecResize(ctx, exec, container.ResizeOptions{Width: uint(s.Cols), Height: uint(s.Rows)})
		})
	}
	set(Size{t.Cols, t.Rows})
	for {
		select {
		case <-ctx.Done():
			return
		case s, ok := <-t.Resize:
			if !ok {
				return
			}
			set(s)
		}
	}
}

// attachEnd reads the reason from the helper's exit code, and from what became of the container.
func (e *Engine) attachEnd(ctx context.Context, id, exec string, asked bool, copyErr error) (AttachResult, error) {
	code := e.execCode(ctx, exec)
	switch code {
	case shim.ExitReplaced:
		return AttachResult{Reason: Replaced}, nil
	case shim.ExitNoSession:
		return AttachResult{}, &SessionError{Code: shim.CodeNoSession, Message: "the session is gone"}
	case shim.ExitDetached:
		if asked {
			return AttachResult{Reason: Detached}, nil
		}
		return e.fate(ctx, id, Detached), nil // a helper of before leaves so when its container is stopped
	case shim.ExitEnded:
		return AttachResult{Reason: Ended}, nil
	case shim.ExitStarved:
		return AttachResult{Reason: Ended, OutOfMemory: true}, nil
	case shim.ExitKilled:
		return AttachResult{Reason: Killed}, nil
	case shim.ExitStopped:
		return e.fate(ctx, id, Stopped), nil
	}
	if end := e.fate(ctx, id, Ended); end.Reason != Ended {
		return end, nil
	}
	if copyErr != nil && !errors.Is(copyErr, io.EOF) {
		return AttachResult{Reason: Lost}, copyErr
	}
	return AttachResult{}, fmt.Errorf("the helper in the container ended with exit code %d", code)
}

const (
	// fateTime is how long a container may take to stop after its programs have ended.
	fateTime = 2 * time.Second
	// removeTime is how long after that it may be removed by who stopped it.
	removeTime = 500 * time.Millisecond
)

// fate tells what became of a container whose processes end: they die before the engine says so. Where it goes on running, the
// reason is otherwise.
func (e *Engine) fate(ctx context.Context, id string, otherwise Reason) AttachResult {
	end, down := AttachResult{Reason: otherwise}, false
	for until := time.Now().Add(fateTime); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		res, err := e.inspect(ctx, id)
		switch {
		case errdefs.IsNotFound(err), err == nil && res.State.Status == "removing":
			return AttachResult{Reason: Removed}
		case err != nil:
			return AttachResult{Reason: Lost}
		case !res.State.Running && !down:
			end, down = AttachResult{Reason: Stopped, OutOfMemory: res.State.OOMKilled}, true
			until = time.Now().Add(removeTime)
		}
	}
	return end
}
