package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) sendCommand() *cobra.Command {
	var args agents.SendArgs
	c := &cobra.Command{
		Use: "send [BRANCH] [SESSION] TEXT", Short: "Type a text, and Enter, for an agent that waits for its user",
		Long: `Type a text, and Enter, for an agent that waits for its user. TEXT is - for standard input; one that begins with - goes after --.

A program that knows pasted texts from typed ones gets it as one text, however many lines it has. Refused (exit code 5) when the
agent does not wait, nor does so within a moment; --now types all the same. In a checkout of an instance a TEXT alone is for it.`,
		Example: `  hjk-ls send fix/login "yes, go on"
  hjk-ls send fix/login - <review.md
  hjk-ls send --now --raw fix/login $'\x1b'    # the Escape key`,
		Args: cobra.RangeArgs(1, 3), ValidArgsFunction: a.completeSession,
		RunE: func(c *cobra.Command, argv []string) error {
			s := sessionArgs(argv[:len(argv)-1])
			args.Branch, args.Session = s.Branch, s.Session
			var err error
			if args.Text, err = a.textOf(c.Context(), argv[len(argv)-1], args.Raw); err != nil {
				return err
			}
			return a.with(func(m *agents.Manager) error {
				if args.Branch, err = a.fullBranch(c.Context(), m, args.Branch, len(argv) > 1); err != nil {
					return err
				}
				if args.Branch == "" {
					return errNoBranch
				}
				res, err := m.Send(c.Context(), args)
				if err != nil {
					return err
				}
				return a.print(res, func(w io.Writer) {
					fmt.Fprintf(w, "sent to %s on %s\n", plain.Line(res.Session), plain.Line(res.Branch))
				})
			})
		},
	}
	f := c.Flags()
	f.BoolVar(&args.Raw, "raw", false, "send the bytes as they are, control characters too, and no Enter")
	f.BoolVar(&args.NoEnter, "no-enter", false, "do not press Enter after the text")
	f.BoolVar(&args.Now, "now", false, "also while the agent does not wait")
	a.jsonFlag(c)
	return c
}

// textOf is a text, or for "-" standard input. The end of the last line there belongs to the file, and Enter is typed in its place.
func (a *app) textOf(ctx context.Context, arg string, raw bool) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	type input struct {
		text []byte
		err  error
	}
	got := make(chan input, 1)
	go func() { // it ends with the process, where nobody ends the input
		b, err := io.ReadAll(io.LimitReader(a.in, shim.MaxSend+1))
		got <- input{b, err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case in := <-got:
		if in.err != nil {
			return "", fmt.Errorf("read the text from standard input: %w", in.err)
		}
		if raw {
			return string(in.text), nil
		}
		return strings.TrimRight(string(in.text), "\r\n"), nil
	}
}
