package main

import (
	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) shellCommand() *cobra.Command {
	var args agents.RunArgs
	var env []string
	var detach bool
	c := &cobra.Command{
		Use:   "shell BRANCH",
		Short: "Open a shell in the container of a branch, as a session of its own; detach with Ctrl-b d",
		Long: `Open a shell in the container of a branch, in its worktree, as a session of its own: it can be detached from, goes on
running, and is attached to again by hjk-ls attach. A stopped container is started. For one command: hjk-ls exec.`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeBranch,
		RunE: func(c *cobra.Command, argv []string) error {
			args.Branch, args.Agent = argv[0], "shell"
			args.NoSetup = true // it is how one looks at a setup that failed
			var err error
			if args.Env, err = parseEnv(env); err != nil {
				return err
			}
			err = a.with(func(m *agents.Manager) error { return m.Existing(c.Context(), agents.BranchArgs{Branch: args.Branch}) })
			if err != nil { // a branch that is misspelled is not to be made
				return err
			}
			return a.run(c.Context(), args, detach)
		},
	}
	f := c.Flags()
	f.StringVar(&args.Session, "session", "", "name of the session (default: shell)")
	f.StringArrayVarP(&env, "env", "e", nil, "KEY=VALUE, or KEY to pass the host's value, for the session only")
	f.BoolVarP(&detach, "detach", "d", false, "do not attach")
	a.jsonFlag(c)
	return c
}
