package main

import (
	"context"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// completePatience keeps a shell's completion from hanging on an engine.
const completePatience = time.Second

func (a *app) completeBranch(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if c.Name() != "run" {
		var names []string
		for _, i := range a.instances() {
			names = append(names, i.Branch)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(context.Background(), completePatience)
	defer cancel()
	dir, err := a.folder()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	out, err := exec.CommandContext(ctx, "git", "-C", dir, "for-each-ref", "--format=%(refname:short)", "refs/heads").Output()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return strings.Fields(string(out)), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeSession(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeBranch(c, args, prefix)
	}
	var names []string
	for _, i := range a.instances() {
		for _, s := range i.Sessions {
			if len(args) == 1 && i.Branch == args[0] {
				names = append(names, s.Name)
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) instances() []agents.Instance {
	ctx, cancel := context.WithTimeout(context.Background(), completePatience)
	defer cancel()
	var all []agents.Instance
	_ = a.with(func(m *agents.Manager) error {
		res, err := m.List(ctx, agents.ListArgs{})
		all = res.Instances
		return err
	})
	return all
}
