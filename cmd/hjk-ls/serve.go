package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/server"
)

// addServer makes the command without a subcommand a language server. vscode-languageclient adds --stdio and
// --clientProcessId.
func (a *app) addServer(root *cobra.Command) {
	var framing string
	var stdio bool
	f := root.Flags()
	f.BoolVar(&stdio, "stdio", false, "serve on standard input and output (the default)")
	f.StringVar(&framing, "framing", "content-length", "content-length as LSP has it, or lines: one message a line, for scripts")
	f.Int("clientProcessId", 0, "process of the editor")
	_ = f.MarkHidden("clientProcessId")
	root.RunE = func(c *cobra.Command, _ []string) error {
		if !stdio && isTerminal(a.in) {
			c.SetOut(a.err)
			return c.Help()
		}
		switch framing {
		case "content-length":
			return a.serve(c.Context(), server.ContentLength)
		case "lines":
			return a.serve(c.Context(), server.Lines)
		}
		return &usageError{fmt.Errorf("--framing %q is neither content-length nor lines", framing)}
	}
}

func (a *app) serve(ctx context.Context, framing server.Framing) error {
	m, err := a.manager()
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	dir, err := a.folder()
	if err != nil {
		return err
	}
	s := server.New(server.Config{Agents: m, Log: a.logger(), Version: version, Framing: framing, Folder: dir})
	code, err := s.Serve(ctx, stdio{a.in, a.out.file})
	a.ended = true
	switch {
	case err != nil:
		return err
	case code != 0:
		return &exitError{code}
	}
	return nil
}

// stdio is standard input and output as one connection.
type stdio struct{ in, out *os.File }

func (s stdio) Read(b []byte) (int, error)  { return s.in.Read(b) }
func (s stdio) Write(b []byte) (int, error) { return s.out.Write(b) }
func (s stdio) Close() error                { return nil }
