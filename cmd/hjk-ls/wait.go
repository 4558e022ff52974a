package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// Exit codes of wait, beside those of all commands.
const (
	exitEnded    = 10  // the session ended
	exitStopped  = 11  // its container runs no more
	exitTimedOut = 124 // as timeout(1)
)

func (a *app) waitCommand() *cobra.Command {
	var args agents.WaitArgs
	var anyOf, allOf bool
	var timeout string
	c := &cobra.Command{
		Use: "wait [BRANCH] [SESSION]", Short: "Wait until an agent waits for its user, or has ended",
		Long: `Wait until an agent waits for its user, or has ended.

Prints a line for each session: BRANCH SESSION waiting, BRANCH SESSION exited CODE, or BRANCH SESSION stopped.
With --any or --all every argument is a branch, or BRANCH:SESSION; --any returns with the first, --all with the last.

Exit codes: 0 it waits, or with --for exit it ended; 10 it ended; 11 its container runs no more; 124 the time is over.`,
		Example: `  hjk-ls wait fix/login && hjk-ls send fix/login "yes, go on"
  hjk-ls wait --any fix/login docs:claude --timeout 10m`,
		Args: cobra.ArbitraryArgs, ValidArgsFunction: a.completeWait,
		RunE: func(c *cobra.Command, argv []string) error {
			if err := waitTargets(&args, argv, anyOf || allOf); err != nil {
				return err
			}
			args.All = allOf
			if err := waitTime(&args, timeout); err != nil {
				return err
			}
			return a.with(func(m *agents.Manager) error {
				if err := a.fullTargets(c.Context(), m, &args, len(argv) > 0); err != nil {
					return err
				}
				res, err := m.Wait(c.Context(), args)
				if err != nil {
					return err
				}
				if err := a.print(res, func(w io.Writer) { printReached(w, res) }); err != nil {
					return err
				}
				if code := waitCode(res, args.For); code != 0 {
					return &exitError{code}
				}
				return nil
			})
		},
	}
	f := c.Flags()
	f.StringVar(&args.For, "for", agents.ForAny, "waiting (for its user), exit, or any of the two")
	f.BoolVar(&anyOf, "any", false, "wait for the first of several branches")
	f.BoolVar(&allOf, "all", false, "wait for all of several branches")
	f.StringVar(&timeout, "timeout", "", "how long, as 90s or 10m; 0 only looks (default: without an end)")
	c.MarkFlagsMutuallyExclusive("any", "all")
	mustComplete(c.RegisterFlagCompletionFunc("for", cobra.FixedCompletions([]string{agents.ForWaiting, agents.ForExit, agents.ForAny}, cobra.ShellCompDirectiveNoFileComp)))
	a.jsonFlag(c)
	return c
}

// mustComplete is for completions that cannot fail but by two of one name.
func mustComplete(err error) {
	if err != nil {
		panic(err)
	}
}

// waitTargets are the sessions that arguments name. A colon is in the name of no branch.
func waitTargets(args *agents.WaitArgs, argv []string, several bool) error {
	if several && len(argv) == 0 {
		return &usageError{errors.New("name the branches to wait for, each as BRANCH or BRANCH:SESSION")}
	}
	if !several {
		if len(argv) > 2 {
			return &usageError{fmt.Errorf("%d arguments are more than a branch and a session; several branches are waited for with --any or --all", len(argv))}
		}
		s := sessionArgs(argv)
		args.Branch, args.Session = s.Branch, s.Session
		return nil
	}
	for _, arg := range argv {
		branch, session, _ := strings.Cut(arg, ":")
		args.Sessions = append(args.Sessions, agents.WaitTarget{Branch: branch, Session: session})
	}
	return nil
}

// fullTargets has whole branches in the place of beginnings.
func (a *app) fullTargets(ctx context.Context, m *agents.Manager, args *agents.WaitArgs, given bool) (err error) {
	for i, t := range args.Sessions {
		if args.Sessions[i].Branch, err = a.fullBranch(ctx, m, t.Branch, true); err != nil {
			return err
		}
	}
	if len(args.Sessions) == 0 {
		args.Branch, err = a.fullBranch(ctx, m, args.Branch, given)
		if err == nil && args.Branch == "" {
			err = errNoBranch
		}
	}
	return err
}

// errNoBranch is that a branch was left out where none can be meant.
var errNoBranch = &usageError{errors.New("the branch is missing, and this folder is no checkout of an instance; hjk-ls ps lists the branches that have one")}

// waitTime takes a duration, or seconds.
func waitTime(args *agents.WaitArgs, s string) error {
	if s == "" {
		return nil
	}
	d, err := time.ParseDuration(s)
	if n, nerr := strconv.ParseUint(s, 10, 31); nerr == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d < 0 {
		return &usageError{fmt.Errorf("--timeout %q is no time; say for example 90s, 10m or 1h30m", s)}
	}
	ms := d.Milliseconds()
	args.TimeoutMS = &ms
	return nil
}

func printReached(w io.Writer, res agents.WaitResult) {
	for _, r := range res.Sessions {
		code := ""
		if r.ExitCode != nil {
			code = fmt.Sprintf(" %d", *r.ExitCode)
		}
		fmt.Fprintf(w, "%s %s %s%s\n", plain.Line(r.Branch), plain.Line(r.Session), r.Reason, code)
	}
}

// waitCode tells by the exit code what came. Of several it is the highest.
func waitCode(res agents.WaitResult, wanted string) int {
	code := 0
	for _, r := range res.Sessions {
		switch {
		case r.Reason == agents.ReasonStopped:
			code = max(code, exitStopped)
		case r.Reason == agents.ReasonExited && wanted != agents.ForExit:
			code = max(code, exitEnded)
		}
	}
	if res.TimedOut {
		return exitTimedOut
	}
	return code
}

func (a *app) completeWait(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if c.Flags().Changed("any") || c.Flags().Changed("all") {
		return a.completeBranch(c, nil, prefix)
	}
	return a.completeSession(c, args, prefix)
}
