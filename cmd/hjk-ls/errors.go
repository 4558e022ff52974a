package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// usageError is a command line that is not understood.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// exitError carries the exit code of the program that was attached to.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// Exit codes.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitEngine   = 3
	exitNotFound = 4
	exitRefused  = 5
	exitImage    = 6
	exitCanceled = 130
)

var exitCodes = map[agents.Code]int{
	agents.CodeInvalidArgument:     exitUsage,
	agents.CodeInvalidBranch:       exitUsage,
	agents.CodeEngineUnreachable:   exitEngine,
	agents.CodeBranchNotFound:      exitNotFound,
	agents.CodeInstanceNotFound:    exitNotFound,
	agents.CodeSessionNotFound:     exitNotFound,
	agents.CodeImageNotFound:       exitNotFound,
	agents.CodeDockerfileNotFound:  exitNotFound,
	agents.CodePortNotFound:        exitNotFound,
	agents.CodeNotRepository:       exitNotFound,
	agents.CodeWorktreeDirty:       exitRefused,
	agents.CodeUntrustedPrivileges: exitRefused,
	agents.CodeOwnCheckout:         exitRefused,
	agents.CodeStateElsewhere:      exitRefused,
	agents.CodeNotWaiting:          exitRefused,
	agents.CodeSetupFailed:         exitImage,
	agents.CodeInstanceAmbiguous:   exitUsage,
	agents.CodeAgentWorking:        exitRefused,
	agents.CodeNotSynced:           exitRefused,
	agents.CodeBuildFailed:         exitImage,
	agents.CodePullFailed:          exitImage,
	agents.CodeRegistryAuth:        exitImage,
	agents.CodeCanceled:            exitCanceled,
}

// report prints err for a person, or with --json for a program, and returns the exit code.
func (a *app) report(err error) int {
	var exit *exitError
	var usage *usageError
	var own *ownError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	case errors.Is(err, context.Canceled):
		a.complain(agents.CodeCanceled, "canceled")
		return exitCanceled
	case errors.As(err, &own) && errors.As(err, &usage):
		a.complain(agents.CodeInvalidArgument, err.Error()+"; "+a.path+" --help says more")
		return own.code()
	case errors.As(err, &own):
		a.complain(agents.CodeOf(err), err.Error())
		return own.code()
	case errors.As(err, &usage):
		a.complain(agents.CodeInvalidArgument, err.Error()+"; "+a.path+" --help says more")
		return exitUsage
	}
	a.complain(agents.CodeOf(err), err.Error())
	return exitCodeOf(agents.CodeOf(err))
}

func exitCodeOf(c agents.Code) int {
	if code, ok := exitCodes[c]; ok {
		return code
	}
	return exitFailed
}

func (a *app) complain(code agents.Code, message string) {
	if !a.json {
		fmt.Fprintf(a.err, "hjk-ls: %s\n", plain.Clip(message, plain.MaxMessage))
		return
	}
	b, err := json.Marshal(map[string]any{"error": map[string]any{"code": code, "message": plain.Clip(message, plain.MaxMessage)}})
	if err == nil {
		a.err.raw(string(plain.JSON(b)) + "\n")
	}
}
