package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) forwardCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "forward [BRANCH] PORT[:LOCAL]", Short: "Lead a port of this machine to one in a branch's container, until ended by Ctrl-C",
		Long: `Lead a port of this machine's loopback to a port in the container of a branch, until ended by Ctrl-C. The port needs not be
published, and the container no network. Without LOCAL it is the same number, or the next one that is free. It goes on while
the container is stopped, started or recreated; who connects meanwhile is turned away.`,
		Example: "  hjk-ls forward fix/login 3000\n  hjk-ls forward fix/login 5432:15432",
		Args:    cobra.RangeArgs(1, 2), ValidArgsFunction: a.completePort,
		RunE: func(c *cobra.Command, argv []string) error {
			args, err := forwardArgs(argv)
			if err != nil {
				return &usageError{err}
			}
			return a.with(func(m *agents.Manager) error {
				if args.Branch, err = a.fullBranch(c.Context(), m, args.Branch, len(argv) > 1); err != nil {
					return err
				}
				if args.Branch == "" {
					return errNoBranch
				}
				return a.forward(c.Context(), m, args, func(agents.ForwardResult) error { return nil })
			})
		},
	}
	a.jsonFlag(c)
	return c
}

// forwardArgs reads [BRANCH] PORT[:LOCAL].
func forwardArgs(argv []string) (agents.ForwardArgs, error) {
	var args agents.ForwardArgs
	if len(argv) > 1 {
		args.Branch = argv[0]
	}
	port, local, both := strings.Cut(argv[len(argv)-1], ":")
	var err error
	if args.Port, err = portNumber(port); err == nil && both {
		args.Local, err = portNumber(local)
	}
	return args, err
}

func portNumber(s string) (int, error) {
	p, err := strconv.Atoi(s)
	if err != nil || p < 1 || p > 65535 {
		return 0, fmt.Errorf("%q is not a port number, 1 to 65535", s)
	}
	return p, nil
}

// forward forwards until it is ended, which is no failure; begun is called when it is there.
func (a *app) forward(ctx context.Context, m *agents.Manager, args agents.ForwardArgs, begun func(agents.ForwardResult) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	err := m.Forward(ctx, args, func(res agents.ForwardResult) {
		a.ended = true // a signal is the way to end it
		failed = a.print(res, func(w io.Writer) {
			fmt.Fprintf(w, "%s leads to port %d of %s; Ctrl-C ends it\n", res.URL, res.Port, plain.Line(res.Branch))
		})
		if failed == nil {
			failed = begun(res)
		}
		if failed != nil {
			cancel()
		}
	}, func(note string) { fmt.Fprintf(a.err, "hjk-ls: %s\n", plain.Line(note)) })
	if failed != nil {
		return failed
	}
	return err
}

// completePort completes a branch, and then a port that it has.
func (a *app) completePort(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeBranch(c, args, prefix)
	}
	var ports []string
	for _, i := range a.instances() {
		if len(args) != 1 || i.Branch != args[0] {
			continue
		}
		for _, p := range i.Ports {
			ports = append(ports, strconv.Itoa(p.Port))
		}
		for _, l := range i.Listening {
			if port := strconv.Itoa(l.Port); !slices.Contains(ports, port) {
				ports = append(ports, port)
			}
		}
	}
	return ports, cobra.ShellCompDirectiveNoFileComp
}
