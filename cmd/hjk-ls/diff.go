package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) diffCommand() *cobra.Command {
	var args agents.DiffArgs
	c := &cobra.Command{
		Use:   "diff BRANCH [--stat|--name-only] [PATH…]",
		Short: "Show what a branch changed since it left its base, committed or not",
		Long: `Show what a branch changed since it left its base, with what is not committed and files that git does not know yet.
The base is the branch that it was made from, else the main checkout's, or --base. On a terminal it goes through your pager of git.
PATH is relative to the current folder, as git has it.`,
		Example: `  hjk-ls diff fix/login
  hjk-ls diff fix/login --stat
  hjk-ls diff fix/login --raw | git apply`,
		Args: cobra.MinimumNArgs(1), ValidArgsFunction: a.completeBranchAndFiles,
		RunE: func(c *cobra.Command, argv []string) error {
			args.Branch, args.Paths = argv[0], argv[1:]
			if args.Exact && isTerminal(a.out.file) {
				return &usageError{fmt.Errorf("--raw writes what an agent wrote as it is, which is for no terminal; write it to a file or to a program")}
			}
			return a.with(func(m *agents.Manager) error { return a.diff(c, m, args) })
		},
	}
	f := c.Flags()
	f.StringVar(&args.Base, "base", "", "branch or commit to compare with (default: the branch it was made from, else the main checkout's)")
	f.BoolVar(&args.Stat, "stat", false, "how much of each file changed")
	f.BoolVar(&args.NameOnly, "name-only", false, "only which files changed")
	f.BoolVar(&args.Exact, "raw", false, "every byte as it is, binary files too, for git apply")
	a.jsonFlag(c)
	c.MarkFlagsMutuallyExclusive("stat", "name-only", "raw", "json")
	return c
}

func (a *app) diff(c *cobra.Command, m *agents.Manager, args agents.DiffArgs) (err error) {
	if args.Folder, err = a.folder(); err != nil {
		return err
	}
	if a.json {
		if len(args.Paths) > 0 {
			return &usageError{fmt.Errorf("--json tells of all files; leave the paths out")}
		}
		res, err := m.Changes(c.Context(), agents.ChangesArgs{Branch: args.Branch, Base: args.Base})
		if err != nil {
			return err
		}
		return a.print(res, nil)
	}
	if cols, _, err := term.GetSize(int(a.out.file.Fd())); err == nil {
		args.Width = cols
	}
	var done agents.DiffOutcome
	if args.Exact {
		done, err = m.Diff(c.Context(), args, a.out.file)
	} else {
		err = a.paged(func(out *page) error {
			d := &diffPainter{out: out}
			if !args.Stat && !args.NameOnly && a.colors(a.out.file) {
				d.paint = paintAs
			}
			done, err = m.Diff(c.Context(), args, d)
			d.end()
			return err
		})
	}
	if err == nil {
		a.tellDiff(args, done)
	}
	return err
}

// completeBranchAndFiles completes a branch, and the files behind it.
func (a *app) completeBranchAndFiles(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return a.completeBranch(c, args, prefix)
}

// tellDiff says what a diff does not show.
func (a *app) tellDiff(args agents.DiffArgs, done agents.DiffOutcome) {
	for _, dir := range done.Own {
		fmt.Fprintf(a.err, "hjk-ls: %s is a repository of its own, and is not shown\n", plain.Line(dir))
	}
	if done.Left > 0 {
		fmt.Fprintf(a.err, "hjk-ls: %d more untracked files are not shown\n", done.Left)
	}
	if done.Git != nil {
		a.tellGit([]agents.Instance{{Branch: args.Branch, Git: done.Git}})
	}
}

// orElse is the first error there is.
func orElse(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}
