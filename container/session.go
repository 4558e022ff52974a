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
	ans, err := e.run(ctx, id, user, append(line, '\n'), shim.Path, "session", "start")
	if err != nil {
		return shim.State{}, fmt.Errorf("start session: %w", err)
	}
	st, err := readReply(strings.NewReader(ans.out), req.Name)
	if err != nil {
		if ans.code != 0 && errors.Is(err, io.EOF) { // it said no whole line
			err = fmt.Errorf("start session: %w", ans.failure())
		}
		return shim.State{}, err
	}
	return *st, nil
}

// killTimeout is above what the helper gives a program to end in.
const killTimeout = 10 * time.Second

var errKillTimeout = fmt.Errorf("the helper in the container has not answered in %v; end all that runs there with: hjk-ls stop", killTimeout)

// KillSession ends a session's programs. One that has ended is no error.
func (e *Engine) KillSession(ctx context.Context, id, user, name string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, killTimeout, errKillTimeout)
	defer cancel()
	ans, err := e.run(ctx, id, user, nil, shim.Path, "session", "kill", name)
	if err == nil && ans.code != 0 {
		err = ans.failure()
	}
	if err != nil {
		return fmt.Errorf("kill session %s: %w", name, err)
	}
	return nil
}

// run executes a command without a terminal and waits for it. Whatever user runs in the container may stop the command and
// write in its place, for ever: give a context with a limit.
func (e *Engine) run(ctx context.Context, id, user string, stdin []byte, argv ...string) (said, error) {
	exec, att, err := e.execPlain(ctx, id, user, stdin != nil, argv)
	if err != nil {
		return said{}, err
	}
	defer att.Close()
	stop := context.AfterFunc(ctx, att.Close)
	defer stop()
	out, stderr := bounded{max: maxReply}, bounded{max: maxReply}
	err = feed(att, stdin)
	if err == nil {
		_, err = stdcopy.StdCopy(&out, &stderr, att.Reader)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return said{}, err
	}
	return said{out.b.String(), stderr.b.String(), e.execCode(ctx, exec)}, nil
}

func (e *Engine) execPlain(ctx context.Context, id, user string, stdin bool, argv []string) (exec string, att types.HijackedResponse, err error) {
	return e.execWith(ctx, id, container.ExecOptions{
		User: user, WorkingDir: "/", Cmd: argv, AttachStdin: stdin, AttachStdout: true, AttachStderr: true,
	})
}

func (e *Engine) execWith(ctx context.Context, id string, o container.ExecOptions) (exec string, att types.HijackedResponse, err error) {
	err = e.call(ctx, func(ctx context.Context) error {
		ex, err := e.api.ContainerExecCreate(ctx, id, o)
		if err != nil {
			return err
		}
		exec = ex.ID
		att, err = e.api.ContainerExecAttach(ctx, ex.ID, container.ExecAttachOptions{})
		return err
	})
	return exec, att, err
}

func feed(att types.HijackedResponse, stdin []byte) error {
	if stdin == nil {
		return nil
	}
	if _, err := att.Conn.Write(stdin); err != nil {
		return err
	}
	return att.CloseWrite()
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
