package main

import (
	"context"
	"os/exec"
	"slices"
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

// completeBranches completes any number of branches, each once.
func (a *app) completeBranches(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	names, directive := a.completeBranch(c, nil, prefix)
	return slices.DeleteFunc(names, func(n string) bool { return slices.Contains(args, n) }), directive
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

// offers are the values of flags that a repository and its settings know.
var offers = map[string]func(agents.ChoicesResult) []string{
	"agent": func(r agents.ChoicesResult) (names []string) {
		for _, c := range r.Agents {
			names = append(names, c.Name)
		}
		return names
	},
	"from": branchesOf,
	"base": branchesOf,
	"image": func(r agents.ChoicesResult) (names []string) {
		for _, i := range r.Images {
			names = append(names, i.Image)
		}
		return names
	},
}

// branchesOf are the branches that there are, here and on remotes.
func branchesOf(r agents.ChoicesResult) (names []string) {
	for _, b := range r.Branches {
		names = append(names, strings.TrimPrefix(b.Remote+"/"+b.Name, "/"))
	}
	return names
}

// completeFlags completes the values of a command's flags.
func (a *app) completeFlags(c *cobra.Command) {
	for flag, values := range offers {
		if c.Flags().Lookup(flag) == nil {
			continue
		}
		otherwise := cobra.ShellCompDirectiveNoFileComp
		if flag == "image" {
			otherwise = cobra.ShellCompDirectiveDefault // a Dockerfile has a path
		}
		err := c.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values(a.choices()), otherwise
		})
		if err != nil {
			panic(err) // two of one name
		}
	}
}

func (a *app) choices() (res agents.ChoicesResult) {
	ctx, cancel := context.WithTimeout(context.Background(), completePatience)
	defer cancel()
	_ = a.with(func(m *agents.Manager) (err error) {
		res, err = m.Choices(ctx, agents.ChoicesArgs{})
		return err
	})
	return res
}
