package agents

import (
	"context"
	"errors"
	"fmt"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// Code is the stable name of an error, sent as data.code.
type Code string

// The codes; docs/protocol.md says when each is sent and what to do.
const (
	CodeInvalidArgument     Code = "invalid_argument"
	CodeInvalidBranch       Code = "invalid_branch"
	CodeInvalidConfig       Code = "invalid_config"
	CodeNotRepository       Code = "not_a_repository"
	CodeWorkspaceAmbiguous  Code = "workspace_ambiguous"
	CodeBranchNotFound      Code = "branch_not_found"
	CodeBranchAmbiguous     Code = "branch_ambiguous"
	CodeUnbornHead          Code = "unborn_head"
	CodeInstanceNotFound    Code = "instance_not_found"
	CodeInstanceStopped     Code = "instance_stopped"
	CodeSessionNotFound     Code = "session_not_found"
	CodeSessionExists       Code = "session_exists"
	CodeSessionEnded        Code = "session_ended"
	CodeWorktreeDirty       Code = "worktree_dirty"
	CodeWorktreeFailed      Code = "worktree_failed"
	CodeEngineUnreachable   Code = "engine_unreachable"
	CodeEngineFailed        Code = "engine_failed"
	CodeDockerfileNotFound  Code = "dockerfile_not_found"
	CodeDockerfileExists    Code = "dockerfile_exists"
	CodeBuildFailed         Code = "build_failed"
	CodeImageNotFound       Code = "image_not_found"
	CodeImageAmbiguous      Code = "image_ambiguous"
	CodeImageUnsupported    Code = "image_unsupported"
	CodePullFailed          Code = "pull_failed"
	CodeRegistryAuth        Code = "registry_auth"
	CodeAgentMissing        Code = "agent_missing"
	CodeUnknownAgent        Code = "unknown_agent"
	CodeUntrustedPrivileges Code = "untrusted_privileges"
	CodeUntrustedWorkspace  Code = "untrusted_workspace"
	CodeStateElsewhere      Code = "state_elsewhere"
	CodeOwnCheckout         Code = "own_checkout"
	CodeSetupFailed         Code = "setup_failed"
	CodeBuildNotFound       Code = "build_not_found"
	CodePortNotFound        Code = "port_not_found"
	CodePortTaken           Code = "port_taken"
	CodePortDenied          Code = "port_denied"
	CodeAnswerTooLarge      Code = "answer_too_large"
	CodeNotWaiting          Code = "not_waiting"
	CodeNotReading          Code = "not_reading"
	CodeHelperOutdated      Code = "helper_outdated"
	CodeCommandNotFound     Code = "command_not_found"
	CodeNotExecutable       Code = "command_not_executable"
	CodeCommandTimeout      Code = "command_timeout"
	CodeInstanceAmbiguous   Code = "instance_ambiguous"
	CodeAgentWorking        Code = "agent_working"
	CodeNotSynced           Code = "not_synced"
	CodeMergeConflict       Code = "merge_conflict"
	CodeMergeFailed         Code = "merge_failed"
	CodePushFailed          Code = "push_failed"
	CodeGHMissing           Code = "gh_missing"
	CodeGHFailed            Code = "gh_failed"
	CodeCanceled            Code = "canceled"
	CodeInternal            Code = "internal"
)

// Error is an error with a code, whose message says what to do next.
type Error struct {
	Code    Code
	Message string
	Err     error // the cause, may be nil; its text is part of Message already
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error; a %w verb in format becomes its cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// hjk is a command of ours as it is suggested, for a shell: branches, sessions and paths may have any name.
func hjk(words ...string) string { return plain.Shell(append([]string{"hjk-ls"}, words...)...) }

// CodeOf is the code of err: its own, CodeCanceled for a canceled context, else CodeInternal.
func CodeOf(err error) Code {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return CodeCanceled
	}
	return CodeInternal
}
