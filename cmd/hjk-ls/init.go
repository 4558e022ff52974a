package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) initCommand() *cobra.Command {
	var args agents.InitArgs
	c := &cobra.Command{
		Use: "init", Short: "Write a first .headjack/Dockerfile from what the repository holds", Args: cobra.NoArgs,
		Long: "Writes a first .headjack/Dockerfile that extends hjk-ls's image by what the files in the top of the repository call for\n" +
			"(go.mod, package.json, pyproject.toml, Cargo.toml, Gemfile, pom.xml, …), and says what it did. It never overwrites one.",
		Example: "  hjk-ls init && git add .headjack && git commit -m 'An image for agents'\n  hjk-ls run fix/login --agent claude",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(m *agents.Manager) error {
				res, err := m.Init(c.Context(), args)
				if err != nil {
					return err
				}
				return a.print(res, func(w io.Writer) { printInit(w, res) })
			})
		},
	}
	c.Flags().BoolVarP(&args.DryRun, "dry-run", "n", false, "write nothing; print the Dockerfile")
	a.jsonFlag(c)
	return c
}

func printInit(w io.Writer, res agents.InitResult) {
	if res.DryRun {
		fmt.Fprint(w, res.Text)
		return
	}
	fmt.Fprintf(w, "wrote %s, which extends %s\n", plain.Line(res.Dockerfile), res.Base)
	for _, f := range res.Found {
		fmt.Fprintf(w, "  %s: %s\n", plain.Line(f.File), plain.Line(f.Does))
	}
	if len(res.Found) == 0 {
		fmt.Fprintln(w, "  nothing was found that calls for more than the image has; add to it what agents need")
	}
	if len(res.Before) > 0 {
		fmt.Fprintf(w, "it goes before %s\n", plain.Line(strings.Join(res.Before, ", ")))
	}
	fmt.Fprintln(w, "commit it, as a new branch has what is committed; hjk-ls build builds it")
}
