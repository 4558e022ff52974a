package container

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// StartSession starts a session in a running container. user is "uid:gid". The request goes over the exec's standard
// input, so that nothing of it is in any record of the engine.
func (e *Engine) StartSession(ctx context.Context, id, user string, req shim.Start) (shim.State, error) {
	req.User = "" // the exec has it
	line, err := json.Marshal(req)
	if err != nil {
		return shim.State{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, replyTimeout, errors.New("the session did not start in time"))
	defer cancel()
	out, code, err := e.run(ctx, id, user, append(line, '\n'), shim.Path, "session", "start")
	if err != nil {
		return shim.State{}, fmt.Errorf("start session: %w", err)
	}
	st, err := readReply(strings.NewReader(out))
	if err != nil {
		var se *SessionError
		if code != 0 && !errors.As(err, &se) {
			err = fmt.Errorf("start session: exit code %d: %s", code, strings.TrimSpace(out))
		}
		return shim.State{}, err
	}
	return *st, nil
}

// KillSession ends a session's programs. One that has ended is no error.
func (e *Engine) KillSession(ctx context.Context, id, user, name string) error {
	out, code, err := e.run(ctx, id, user, nil, shim.Path, "session", "kill", name)
	if err != nil {
		return fmt.Errorf("kill session %s: %w", name, err)
	}
	if code != 0 {
		return fmt.Errorf("kill session %s: exit code %d: %s", name, code, strings.TrimSpace(out))
	}
	return nil
}

// run executes a command without a terminal and waits for it. out is both its streams.
func (e *Engine) run(ctx context.Context, id, user string, stdin []byte, argv ...string) (out string, code int, err error) {
	var ex container.ExecCreateResponse
	var att types.HijackedResponse
	err = e.call(ctx, func(ctx context.Context) (err error) {
		ex, err = e.api.ContainerExecCreate(ctx, id, container.ExecOptions{
			User: user, WorkingDir: "/", Cmd: argv, AttachStdin: stdin != nil, AttachStdout: true, AttachStderr: true,
		})
		if err != nil {
			return err
		}
		att, err = e.api.ContainerExecAttach(ctx, ex.ID, container.ExecAttachOptions{})
		return err
	})
	if err != nil {
		return "", 0, err
	}
	defer att.Close()
	stop := context.AfterFunc(ctx, att.Close)
	defer stop()
	if stdin != nil {
		if _, err := att.Conn.Write(stdin); err != nil {
			return "", 0, err
		}
		if err := att.CloseWrite(); err != nil {
			return "", 0, err
		}
	}
	var b bytes.Buffer
	if _, err := stdcopy.StdCopy(&b, &b, att.Reader); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", 0, err
	}
	return b.String(), e.execCode(ctx, ex.ID), nil
}

// execCode is the exit code of an exec whose streams have ended.
func (e *Engine) execCode(ctx context.Context, exec string) int {
	code := -1
	_ = e.call(ctx, func(ctx context.Context) error {
		res, err := e.api.ContainerExecInspect(ctx, exec)
		if err == nil {
			code = res.ExitCode
		}
		return err
	})
	return code
}
