package agents

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// classes maps what the packages below tell apart to a code. The first that matches wins.
var classes = []struct {
	is   func(error) bool
	code Code
}{
	{container.IsUnreachable, CodeEngineUnreachable},
	{is(workspace.ErrNotRepository), CodeNotRepository},
	{is(workspace.ErrBareRepository), CodeNotRepository},
	{is(workspace.ErrDamaged), CodeWorktreeFailed},
	{is(workspace.ErrInvalidBranch), CodeInvalidBranch},
	{is(workspace.ErrUnbornHead), CodeUnbornHead},
	{is(workspace.ErrStartPoint), CodeBranchNotFound},
	{is(workspace.ErrDirty), CodeWorktreeDirty},
	{as[*workspace.ConflictError], CodeMergeConflict},
	{is(workspace.ErrMergeRefused), CodeMergeFailed},
	{is(workspace.ErrMergeStopped), CodeMergeFailed},
	{is(container.ErrMounts), CodeWorktreeFailed},
	{as[*container.SightError], CodeEngineFailed},
	{as[*container.DeviceError], CodeEngineFailed},
	{as[*workspace.AmbiguousError], CodeBranchAmbiguous},
	{as[*workspace.ConfigError], CodeInvalidConfig},
	{as[*images.DevcontainerError], CodeInvalidConfig},
	{as[*images.AmbiguousError], CodeImageAmbiguous},
	{is(images.ErrDockerfileNotFound), CodeDockerfileNotFound},
	{is(images.ErrNotFound), CodeImageNotFound},
	{as[*images.BuildError], CodeBuildFailed},
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func as[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// wrap gives err a code: its own, the one of its class, or fallback.
func wrap(err error, fallback Code) error {
	var coded *Error
	if err == nil || errors.As(err, &coded) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeCanceled, Message: "canceled: " + err.Error(), Err: err}
	}
	var pull *images.PullError
	if errors.As(err, &pull) {
		return &Error{Code: pullCode(pull), Message: err.Error(), Err: err}
	}
	for _, c := range classes {
		if c.is(err) {
			return &Error{Code: c.code, Message: err.Error(), Err: err}
		}
	}
	return &Error{Code: fallback, Message: err.Error(), Err: err}
}

func pullCode(err *images.PullError) Code {
	switch err.Kind {
	case images.PullNotFound:
		return CodeImageNotFound
	case images.PullAuth, images.PullCredentials:
		return CodeRegistryAuth
	case images.PullPlatform:
		return CodeImageUnsupported
	}
	return CodePullFailed
}

// noteLost drops the connection when err says that the engine went away.
func (m *Manager) noteLost(eng *engine, err error) {
	if eng != nil && container.IsUnreachable(err) {
		m.engines.lost(eng)
	}
}

// failed is noteLost and wrap for an engine call.
func (m *Manager) failed(eng *engine, err error) error {
	m.noteLost(eng, err)
	return wrap(err, CodeEngineFailed)
}

// agentError says what the user of run can do about a session that did not start.
func agentError(err error, cmd command, a RunArgs, image string) error {
	var se *container.SessionError
	if !errors.As(err, &se) {
		return wrap(startError(err), CodeEngineFailed)
	}
	switch se.Code {
	case shim.CodeAgentMissing:
		return Errorf(CodeAgentMissing, "agent %q is not in the image %s: %s; %s", cmd.agent, image, strings.TrimSuffix(se.Message, "."), installHint(cmd.agent))
	case shim.CodeUnrunnable:
		return Errorf(CodeImageUnsupported, "image %s: %s; use an image for the engine's platform, or one the engine can emulate by build.platform", image, se.Message)
	case shim.CodeSessionExists:
		return Errorf(CodeSessionExists, "branch %q has a session %q that runs; attach to it with: %s, or choose another --session",
			a.Branch, a.Session, hjk("attach", a.Branch, a.Session))
	case shim.CodeMounts:
		return Errorf(CodeWorktreeFailed, "the container of branch %q is no fence any more: %s; make it anew: %s", a.Branch, se.Message, hjk("recreate", a.Branch))
	case shim.CodeBadRequest:
		return Errorf(CodeInvalidArgument, "%s", se.Message)
	}
	return wrap(err, CodeEngineFailed)
}

// startError names the image as the cause where the engine could not start it.
func startError(err error) error {
	switch {
	case errors.Is(err, container.ErrPlatform):
		return &Error{Code: CodeImageUnsupported, Message: err.Error() + "; use an image for the engine's platform, or set build.platform to one that the image has", Err: err}
	case as[*container.PortError](err):
		return &Error{Code: CodeEngineFailed, Message: err.Error() + "; no other port could be had either: end what uses them, or take ports out of ports: in the settings", Err: err}
	case as[*container.DeviceError](err):
		return &Error{Code: CodeEngineFailed, Message: err.Error() + deviceAdvice, Err: err}
	case imageGone(err):
		return &Error{Code: CodeImageNotFound, Message: fmt.Sprintf("%v; run again to pull or build it", err), Err: err}
	}
	return err
}

// errImageGone is that an image is not there any more when its build has ended.
var errImageGone = errors.New("the image was removed right after its build")

// imageGone reports whether the engine no longer holds the image that a container was to be made of.
func imageGone(err error) bool {
	return errors.Is(err, errImageGone) || errdefs.IsNotFound(err) && strings.Contains(strings.ToLower(err.Error()), "no such image")
}

// warned adds to a container's failure what the engine had warned of when it made the container: that may be the cause.
func warned(err error, warnings []string) error {
	if err == nil || len(warnings) == 0 {
		return err
	}
	return fmt.Errorf("%w; before, %s", err, strings.Join(warnings, "; "))
}
