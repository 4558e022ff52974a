package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) openCommand() *cobra.Command {
	var printOnly bool
	c := &cobra.Command{
		Use: "open [BRANCH] [PORT]", Short: "Open a port of a branch in the browser",
		Long: `Open a port of a branch in the browser: PORT inside, or else the first one that is published, or that something listens
on. A port that is not published is forwarded until Ctrl-C, as by hjk-ls forward.`,
		Example: "  hjk-ls open fix/login\n  curl $(hjk-ls open fix/login 3000 --print)",
		Args:    cobra.MaximumNArgs(2), ValidArgsFunction: a.completePort,
		RunE: func(c *cobra.Command, argv []string) error {
			return a.with(func(m *agents.Manager) error {
				args, err := a.openArgs(c.Context(), m, argv)
				if err != nil {
					return err
				}
				return a.open(c.Context(), m, args, printOnly)
			})
		},
	}
	c.Flags().BoolVar(&printOnly, "print", false, "print the address, and open nothing")
	a.jsonFlag(c)
	return c
}

// openArgs reads [BRANCH] [PORT]. In a checkout of an instance a lone number is a port.
func (a *app) openArgs(ctx context.Context, m *agents.Manager, argv []string) (args agents.OpenArgs, err error) {
	var branch, port string
	given := len(argv) > 0
	switch len(argv) {
	case 1:
		branch = argv[0]
		if _, err := portNumber(branch); err == nil {
			if here, err := m.BranchHere(ctx); err == nil && here != "" {
				branch, port = here, argv[0]
			}
		}
	case 2:
		branch, port = argv[0], argv[1]
	}
	if port != "" {
		if args.Port, err = portNumber(port); err != nil {
			return args, &usageError{err}
		}
	}
	args.Branch, err = a.fullBranch(ctx, m, branch, given)
	if err == nil && args.Branch == "" {
		err = errNoBranch
	}
	return args, err
}

func (a *app) open(ctx context.Context, m *agents.Manager, args agents.OpenArgs, printOnly bool) error {
	o, err := m.Openable(ctx, args)
	if err != nil {
		return err
	}
	quiet := printOnly || a.json
	if o.Published != nil {
		res := agents.ForwardResult{Branch: args.Branch, HostPort: *o.Published}
		if err := a.print(res, func(w io.Writer) { fmt.Fprintln(w, res.URL) }); err != nil || quiet {
			return err
		}
		return browse(ctx, res.URL)
	}
	if printOnly {
		return agents.Errorf(agents.CodePortNotFound, "port %d of %q is not published, so that it has no address by itself; forward it with: %s",
			o.Port, args.Branch, hjk("forward", args.Branch, fmt.Sprint(o.Port)))
	}
	forward := agents.ForwardArgs{Branch: args.Branch, Port: o.Port}
	return a.forward(ctx, m, forward, func(res agents.ForwardResult) error {
		if quiet {
			return nil
		}
		return browse(ctx, res.URL)
	})
}

// browse opens an address that hjk-ls made, of this host's loopback, in the user's browser.
func browse(ctx context.Context, url string) error {
	name := "xdg-open"
	if runtime.GOOS == "darwin" {
		name = "open"
	}
	err := exec.CommandContext(ctx, name, url).Run() // without a pipe: the browser may keep it
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("there is no %s here to open a browser with; open it yourself: %s", name, url)
	case err != nil:
		return fmt.Errorf("%s %s: %w", name, url, err)
	}
	return nil
}
