package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) setupCommand() *cobra.Command {
	var args agents.SetupArgs
	c := &cobra.Command{
		Use: "setup BRANCH", Short: "Run the setup of a branch again, after copying what .worktreeinclude names",
		Long: `Run what setup: of the settings says in the container of a branch, as after its making. Before that, the files that
.worktreeinclude names and its worktree does not have are copied from the current checkout.`,
		Example: `  hjk-ls setup fix/login
  hjk-ls logs fix/login setup`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeBranch,
		RunE: func(c *cobra.Command, argv []string) error {
			args.Branch = argv[0]
			return a.withFeedback(c.Context(), func(ctx context.Context, m *agents.Manager, fb agents.Feedback) error {
				res, err := m.Setup(ctx, args, fb)
				if err != nil {
					return err
				}
				for _, w := range res.Warnings {
					fmt.Fprintf(a.err, "hjk-ls: %s\n", plain.Line(w))
				}
				return a.print(res, func(w io.Writer) { fmt.Fprintf(w, "%s is set up\n", plain.Line(args.Branch)) })
			})
		},
	}
	c.Flags().BoolVar(&args.AllowPrivileges, "allow-privileges", false, allowHelp)
	a.jsonFlag(c)
	return c
}
