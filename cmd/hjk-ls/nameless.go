package main

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// branchAndPrompt tells run's arguments apart. One alone is a prompt where it can be no branch: of several words, or "-". That of a pull
// request is a prompt, as it has a branch.
func branchAndPrompt(argv []string, pr int) (branch string, prompt []string) {
	switch {
	case len(argv) == 0, pr != 0 && len(argv) == 1:
		return "", argv
	case len(argv) == 1 && (argv[0] == "-" || strings.ContainsFunc(strings.TrimSpace(argv[0]), unicode.IsSpace)):
		return "", argv
	}
	return argv[0], argv[1:]
}

// ownBranch is the branch of the checkout that one is in, where an instance has it.
func (a *app) ownBranch(ctx context.Context) (branch string, err error) {
	err = a.with(func(m *agents.Manager) error {
		branch, err = m.BranchHere(ctx)
		return err
	})
	if err == nil && branch == "" {
		err = &usageError{errors.New("name a branch, or give a prompt of several words in quotes, after which one is named")}
	}
	return branch, err
}
