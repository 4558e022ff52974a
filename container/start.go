package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// ErrPlatform means that the image is for another platform than the engine's.
var ErrPlatform = errors.New("image is for another platform")

// SessionError is what the helper in the container says was wrong with a request.
type SessionError struct{ Code, Message string } // Code is one of shim.Code…

func (e *SessionError) Error() string { return e.Message }

// ExitedError means that a container ended right after its start.
type ExitedError struct {
	Code int
	Log  string // the end of its output
}

func (e *ExitedError) Error() string {
	msg := fmt.Sprintf("the container ended at once with exit code %d", e.Code)
	if e.Log != "" {
		msg += ": " + e.Log
	}
	return msg
}

// replyTimeout bounds how long the helper may take to start a session.
const replyTimeout = 20 * time.Second

// Start starts a container and, with first, its first session. That request goes to PID 1's standard input, which
// saves an exec; where PID 1 is the image's own, to an exec like every other. It returns when the session runs.
//
// What the container is to see of the host is looked up first, and the helper compares it with what the engine mounted before
// anything else is started. A container that sees something else is killed, and the error is ErrMounts.
func (e *Engine) Start(ctx context.Context, id string, first *shim.Start) (*shim.State, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, replyTimeout, errors.New("the container did not start in time"))
	defer cancel()
	res, err := e.inspect(ctx, id)
	if err != nil {
		return nil, err
	}
	mounts, missing, err := meant(res)
	if err != nil {
		return nil, err
	}
	if err := e.landings(ctx, res); err != nil {
		return nil, err
	}
	start := e.startWith
	if missing || len(res.HostConfig.GroupAdd) > 0 { // what PID 1 starts has no groups; or it will not start, and the engine keeps the ended input: who attaches the next time is not heard
		start = e.startPlain
	}
	st, err := start(ctx, inspected(res), mounts, first)
	err = deviceError(res.HostConfig, e.notMeant(ctx, id, err))
	return st, portError(err, inspected(res).Ports())
}

func (e *Engine) startWith(ctx context.Context, c Container, mounts []shim.Mount, first *shim.Start) (*shim.State, error) {
	id := c.ID
	if c.Labels[labelInit] != "" || first == nil || e.isPodman() { // podman 4 attaches to what runs only
		return e.startPlain(ctx, c, mounts, first)
	}
	req := *first
	req.Mounts = mounts
	var att types.HijackedResponse
	err := e.call(ctx, func(ctx context.Context) (err error) {
		att, err = e.api.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("attach to %s: %w", c.Name, err)
	}
	defer att.Close()
	if err := e.start(ctx, id); err != nil {
		return nil, err
	}
	st, err := exchange(ctx, att, req)
	if err != nil {
		return nil, e.explain(ctx, id, err)
	}
	return st, nil
}

func (e *Engine) startPlain(ctx context.Context, c Container, mounts []shim.Mount, first *shim.Start) (*shim.State, error) {
	if err := e.start(ctx, c.ID); err != nil {
		return nil, err
	}
	if err := e.verify(ctx, c.ID, mounts); err != nil {
		return nil, e.explain(ctx, c.ID, err)
	}
	if c.Labels[labelInit] != "" {
		if err := e.prepare(ctx, c); err != nil {
			return nil, e.explain(ctx, c.ID, err)
		}
	}
	if first == nil {
		return nil, nil
	}
	st, err := e.StartSession(ctx, c.ID, c.Labels[LabelUser], *first)
	if err != nil {
		return nil, e.explain(ctx, c.ID, err)
	}
	return &st, nil
}

func (e *Engine) start(ctx context.Context, id string) error {
	err := e.call(ctx, func(ctx context.Context) error { return e.api.ContainerStart(ctx, id, container.StartOptions{}) })
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "exec format error"):
		return fmt.Errorf("start container: %w: %w", ErrPlatform, err)
	}
	return fmt.Errorf("start container: %w", err)
}

// prepare makes user and home usable in a container whose PID 1 is not the helper.
func (e *Engine) prepare(ctx context.Context, c Container) error {
	argv := append([]string{shim.Path, "prepare"}, userFlags(c.Labels[LabelUser], c.Labels[LabelHome], cachesOf(c.Labels))...)
	ans, err := e.run(ctx, c.ID, "0:0", nil, argv...)
	if err == nil && ans.code != 0 {
		err = fmt.Errorf("prepare: %w", ans.failure())
	}
	return err
}

// exchange sends one request over a hijacked connection and reads the one-line reply.
func exchange(ctx context.Context, att types.HijackedResponse, req shim.Start) (*shim.State, error) {
	stop := context.AfterFunc(ctx, att.Close)
	defer stop()
	line, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	if _, err := att.Conn.Write(append(line, '\n')); err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := stdcopy.StdCopy(in, io.Discard, att.Reader)
		in.CloseWithError(errors.Join(io.EOF, err))
	}()
	reply, err := readReply(out, req.Name)
	out.Close()
	att.Close()
	<-done
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return reply, err
}

// explainTime is for two calls of an engine that is slow.
const explainTime = 10 * time.Second

// explain looks whether the container is still there, which says more than a broken stream.
func (e *Engine) explain(ctx context.Context, id string, err error) error {
	var se *SessionError
	if errors.As(err, &se) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), explainTime)
	defer cancel()
	for {
		c, ierr := e.Inspect(ctx, id)
		if ierr == nil && c.ExitCode != nil {
			return &ExitedError{Code: *c.ExitCode, Log: e.tail(ctx, id)}
		}
		if ierr != nil || !IsNotRunning(err) {
			return err
		}
		select { // Podman knows the exit code somewhat later than that a container has ended
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tail is the last of what PID 1 printed.
func (e *Engine) tail(ctx context.Context, id string) string {
	r, err := e.api.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "5"})
	if err != nil {
		return ""
	}
	defer r.Close()
	var b strings.Builder
	_, _ = stdcopy.StdCopy(&b, &b, io.LimitReader(r, 8<<10))
	return strings.TrimSpace(printableLines(b.String(), 2<<10))
}
