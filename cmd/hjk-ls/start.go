package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) startCommand() *cobra.Command {
	var args agents.StartArgs
	c := &cobra.Command{
		Use: "start [BRANCH…]", Short: "Bring back what ran before stop, a reboot or an engine's end (default: on all branches)",
		Example: `  hjk-ls start -a
  hjk-ls start fix/login`,
		Args: cobra.ArbitraryArgs, ValidArgsFunction: a.completeBranches,
		RunE: func(c *cobra.Command, argv []string) error {
			args.Branches = argv
			return a.start(c.Context(), args)
		},
	}
	c.Flags().BoolVarP(&args.All, "all", "a", false, "of every repository")
	c.Flags().BoolVar(&args.NoSetup, "no-setup", false, "also where a setup is due, or failed")
	a.jsonFlag(c)
	return c
}

// start tells of every branch what became of it. One that failed keeps no other from coming back, and its code is the command's.
func (a *app) start(ctx context.Context, args agents.StartArgs) error {
	return a.withFeedback(ctx, func(ctx context.Context, m *agents.Manager, fb agents.Feedback) error {
		res, err := m.Start(ctx, args, fb)
		if agents.CodeOf(err) == agents.CodeNotRepository {
			return fmt.Errorf("%w; --all is every repository", err)
		}
		if err != nil {
			return err
		}
		for _, s := range res.Started {
			for _, w := range s.Warnings {
				fmt.Fprintf(a.err, "hjk-ls: %s: %s\n", plain.Line(s.Instance.Branch), plain.Line(w))
			}
		}
		for _, f := range res.Failed {
			fmt.Fprintf(a.err, "hjk-ls: %s: %s\n", plain.Line(f.Branch), plain.Clip(f.Message, plain.MaxMessage))
		}
		if err := a.print(res, func(w io.Writer) { printStarted(w, res) }); err != nil || len(res.Failed) == 0 {
			return err
		}
		return &exitError{exitCodeOf(res.Failed[0].Code)}
	})
}

func printStarted(w io.Writer, res agents.StartResult) {
	if len(res.Started)+len(res.Failed) == 0 {
		fmt.Fprintln(w, "there is nothing to bring back")
	}
	for _, s := range res.Started {
		branch := s.Instance.Branch
		if len(s.Sessions) == 0 {
			fmt.Fprintf(w, "%s runs already\n", plain.Line(branch))
			continue
		}
		fmt.Fprintf(w, "%s: %s came back; attach with: %s\n", plain.Line(branch), plain.Line(strings.Join(s.Sessions, ", ")), plain.Shell("hjk-ls", "attach", branch))
	}
}

// tellResumed says what a run brought back, as it was not named.
func (a *app) tellResumed(branch string, sessions []string) {
	if !a.json && len(sessions) > 0 {
		fmt.Fprintf(a.err, "hjk-ls: %s came back on %s; --fresh begins anew\n", plain.Line(strings.Join(sessions, ", ")), plain.Line(branch))
	}
}
