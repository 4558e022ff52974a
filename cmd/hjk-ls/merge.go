package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) mergeCommand() *cobra.Command {
	var args agents.MergeArgs
	c := &cobra.Command{
		Use:   "merge BRANCH",
		Short: "Merge a branch into the one that is checked out here",
		Long: `Merge a branch into the one that is checked out here, as git merge does, with the user's hooks. Conflicts are left as git leaves them.
It refuses while the agent works, and while commits of the agent did not come over, unless --now. With --rm the instance is removed when
the branch is in, and after a plain merge the branch, too, if hjk-ls made it.`,
		Example: `  hjk-ls merge fix/login --squash --rm
  hjk-ls merge fix/login --rebase`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeBranch,
		RunE: func(c *cobra.Command, argv []string) error {
			args.Branch = argv[0]
			return a.withFeedback(c.Context(), func(ctx context.Context, m *agents.Manager, fb agents.Feedback) error {
				res, err := m.Merge(ctx, args, fb)
				a.warn(res.Warnings)
				if err != nil {
					return err
				}
				return a.print(res, func(w io.Writer) { printMerged(w, res) })
			})
		},
	}
	f := c.Flags()
	f.BoolVar(&args.Squash, "squash", false, "as one commit")
	f.BoolVar(&args.Rebase, "rebase", false, "by its commits made again on top, without a merge; the branch itself stays as it is")
	f.StringVarP(&args.Message, "message", "m", "", "of the merge, or of the one commit")
	f.BoolVar(&args.Remove, "rm", false, "remove the instance when the branch is in")
	f.BoolVar(&args.Now, "now", false, "also while the agent works, or has commits that did not come over")
	c.MarkFlagsMutuallyExclusive("squash", "rebase")
	c.MarkFlagsMutuallyExclusive("rebase", "message")
	a.jsonFlag(c)
	return c
}

func printMerged(w io.Writer, res agents.MergeResult) {
	branch, into := plain.Line(res.Branch), plain.Line(res.Into)
	switch res.Commits {
	case 0:
		fmt.Fprintf(w, "%s has all of %s already\n", into, branch)
	default:
		fmt.Fprintf(w, "%s is in %s (%s), which is at %.12s\n", branch, into, howMany(res.Commits, "commit"), res.Commit)
	}
	switch {
	case res.Deleted:
		fmt.Fprintf(w, "the instance and the branch %s are removed\n", branch)
	case res.Removed:
		fmt.Fprintf(w, "the instance of %s is removed; the branch stays\n", branch)
	}
}

func howMany(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// warn tells warnings; with --json they are in the result.
func (a *app) warn(all []string) {
	if a.json {
		return
	}
	for _, w := range all {
		fmt.Fprintf(a.err, "hjk-ls: %s\n", plain.Line(w))
	}
}
