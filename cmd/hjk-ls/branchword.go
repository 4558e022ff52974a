package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// errEmptyBranch is that a branch was given whose name is empty.
var errEmptyBranch = &usageError{errors.New("the name of the branch is empty; hjk-ls ps lists the branches that have an instance")}

// branchWord is what of BRANCH need not be typed for a command.
type branchWord struct {
	own   bool // without one, the branch of the checkout that one is in, where an instance has it
	begin bool // the beginning of a branch that has an instance, where there is one alone
}

// branchWords are those of the commands. Where something ends, goes or comes in by a command, branches are typed whole. exec, wait,
// send, forward and open, in whose arguments the branch is not the first alone, look for it themselves.
var branchWords = map[string]branchWord{
	"attach":   {own: true, begin: true},
	"logs":     {own: true, begin: true},
	"diff":     {own: true, begin: true},
	"shell":    {own: true, begin: true},
	"stop":     {own: true},
	"recreate": {own: true},
	"setup":    {own: true},
	"push":     {own: true},
}

// shortBranch lets a command's user leave out what branchWords has of it.
func (a *app) shortBranch(c *cobra.Command) {
	word, ok := branchWords[c.Name()]
	if !ok {
		return
	}
	if word.own && !strings.Contains(c.Use, "[BRANCH") {
		c.Use = strings.Replace(c.Use, "BRANCH", "[BRANCH]", 1)
	}
	check, run := c.Args, c.RunE
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 && word.own {
			args = []string{"BRANCH"} // it is looked for when it is needed
		}
		return check(c, args)
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		full, err := a.wholeBranch(c.Context(), word, args)
		if err != nil {
			return err
		}
		if err := check(c, full); err != nil {
			return err
		}
		return run(c, full)
	}
}

// wholeBranch are the arguments with the whole branch, as far as one is found.
func (a *app) wholeBranch(ctx context.Context, word branchWord, args []string) (full []string, err error) {
	full = args
	if len(args) == 0 && !word.own || len(args) > 0 && !word.begin {
		return full, nil
	}
	err = a.with(func(m *agents.Manager) error {
		var typed string
		if len(args) > 0 {
			typed = args[0]
		}
		branch, err := a.fullBranch(ctx, m, typed, len(args) > 0)
		switch {
		case len(args) > 0:
			full = append([]string{branch}, args[1:]...)
		case branch != "":
			full = []string{branch}
		}
		return err
	})
	if agents.CodeOf(err) == agents.CodeNotRepository { // the command says so, or works without
		err = nil
	}
	return full, err
}

// fullBranch is the branch that a word is the beginning of, and where none was given that of the checkout of an instance, or "". What is
// neither stays as it is.
func (a *app) fullBranch(ctx context.Context, m *agents.Manager, word string, given bool) (string, error) {
	switch {
	case !given:
		return m.BranchHere(ctx)
	case word == "": // a variable of a script that is not set
		return "", errEmptyBranch
	}
	branch, err := m.BranchBeginning(ctx, word)
	if err != nil {
		return word, err
	}
	if branch != word && !a.json {
		fmt.Fprintf(a.err, "hjk-ls: %s\n", plain.Line(agents.BeginningNote(word, branch)))
	}
	return branch, nil
}
