package main

import (
	"github.com/spf13/cobra"
)

// addServer makes the command without a subcommand a language server.
func (a *app) addServer(root *cobra.Command) {
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
}
