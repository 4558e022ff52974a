package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) pushCommand() *cobra.Command {
	var args agents.PushArgs
	c := &cobra.Command{
		Use:   "push BRANCH",
		Short: "Push a branch with your own git and keys, and make its pull request with --pr",
		Long: `Push a branch with your own git and keys, to where git would push it. With --pr its pull request is made by gh, the command line of
GitHub, into the branch that this one was made from; where there is one already, its address is printed. It refuses while the agent works,
and while commits of the agent did not come over, unless --now.`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeBranch,
		RunE: func(c *cobra.Command, argv []string) error {
			args.Branch = argv[0]
			return a.withFeedback(c.Context(), func(ctx context.Context, m *agents.Manager, fb agents.Feedback) error {
				res, err := m.Push(ctx, args, fb)
				a.warn(res.Warnings)
				if res.Said != "" && !a.json {
					fmt.Fprintln(a.err, plain.Message(res.Said))
				}
				if err != nil {
					return err
				}
				return a.print(res, func(w io.Writer) {
					fmt.Fprintf(w, "%s is pushed to %s\n", plain.Line(res.Branch), plain.Line(res.Remote))
					if res.PullRequest != "" {
						fmt.Fprintln(w, plain.Line(res.PullRequest))
					}
				})
			})
		},
	}
	f := c.Flags()
	f.StringVar(&args.Remote, "remote", "", "where to (default: where git would push it, else origin)")
	f.BoolVar(&args.Force, "force-with-lease", false, "also over commits there, as long as they are those that were fetched last")
	f.BoolVar(&args.PullRequest, "pr", false, "make a pull request by gh")
	f.BoolVar(&args.Draft, "draft", false, "the pull request is a draft")
	f.BoolVar(&args.Now, "now", false, "also while the agent works, or has commits that did not come over")
	a.jsonFlag(c)
	return c
}
