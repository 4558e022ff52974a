package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) imagesCommand() *cobra.Command {
	var args agents.ImagesArgs
	c := &cobra.Command{
		Use: "images", Short: "List the images that instances use, with size, age and whether a newer one exists", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(m *agents.Manager) error {
				res, err := m.Images(c.Context(), args)
				if err != nil {
					return err
				}
				return a.print(res, func(w io.Writer) {
					a.imageTable(w, res.Images)
					a.cacheTable(w, res.Caches)
				})
			})
		},
	}
	c.Flags().BoolVar(&args.Offline, "offline", false, "ask no registry whether it has a newer one")
	a.jsonFlag(c)
	return c
}

func (a *app) imageTable(w io.Writer, all []agents.StockedImage) {
	rows := [][]string{{"IMAGE", "ID", "SIZE", "CREATED", "USED BY", "NEWER"}}
	for _, i := range all {
		rows = append(rows, []string{imageTitle(i), shortID(i.ID), units.HumanSize(float64(i.SizeBytes)), age(i.CreatedAt), usedBy(i.Instances), newer(i)})
	}
	a.rows(w, rows, nil)
	unused := slices.ContainsFunc(all, func(i agents.StockedImage) bool { return i.Unused })
	if unused {
		fmt.Fprintln(w, "\nhjk-ls prune removes what nothing uses")
	}
}

// cacheTable lists the folders that branches share, where there are some.
func (a *app) cacheTable(w io.Writer, all []agents.CacheInfo) {
	if len(all) == 0 {
		return
	}
	rows := [][]string{{"CACHE", "REPOSITORY", "VOLUME"}}
	for _, c := range all {
		repo := c.Repo
		if c.Unused {
			repo += " (no instance)"
		}
		rows = append(rows, []string{c.Path, repo, c.Volume})
	}
	fmt.Fprintln(w)
	a.rows(w, rows, nil)
}

// imageTitle is what an image was asked for by, else a name it has.
func imageTitle(i agents.StockedImage) string {
	switch {
	case i.Dockerfile != "":
		return i.Dockerfile
	case i.Ref != "":
		return i.Ref
	case len(i.Names) > 0:
		return strings.Join(i.Names, ", ")
	}
	return "an older build"
}

func shortID(id string) string {
	_, hex, _ := strings.Cut(id, ":")
	return hex[:min(12, len(hex))]
}

func usedBy(all []agents.ImageUser) string {
	if len(all) == 0 {
		return "nothing"
	}
	var names []string
	for _, u := range all {
		names = append(names, filepath.Base(u.Repo)+" "+u.Branch)
	}
	return strings.Join(names, ", ")
}

func newer(i agents.StockedImage) string {
	switch {
	case i.Newer != nil && *i.Newer:
		return "yes: " + i.NewerDetail
	case i.Newer != nil && i.NewerDetail != "":
		return "no: " + i.NewerDetail
	case i.Newer != nil:
		return "no"
	case i.NewerDetail != "":
		return "unknown: " + i.NewerDetail
	}
	return ""
}

func (a *app) pruneCommand() *cobra.Command {
	var args agents.PruneArgs
	var yes bool
	c := &cobra.Command{
		Use: "prune", Short: "Remove the images that hjk-ls built or pulled and that no container uses", Args: cobra.NoArgs,
		Long: `Remove the images that hjk-ls built or pulled and that no container uses.

What would go is shown first, and asked about. Images that you built or pulled yourself stay, also under other names.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if !args.DryRun && !yes {
				return a.pruneAsked(c.Context(), args)
			}
			return a.prune(c.Context(), args)
		},
	}
	c.Flags().BoolVarP(&args.DryRun, "dry-run", "n", false, "only show what would go")
	c.Flags().BoolVar(&args.Caches, "caches", false, "also the caches of repositories with instances that no container has")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	a.jsonFlag(c)
	return c
}

var errNobodyToAsk = &usageError{errors.New("nobody is here to ask; say --yes to remove them, or --dry-run to see them")}

// pruneAsked shows what would go and removes it when the user says so.
func (a *app) pruneAsked(ctx context.Context, args agents.PruneArgs) error {
	if a.json || !isTerminal(a.in) || !isTerminal(a.err.file) {
		return errNobodyToAsk
	}
	return a.with(func(m *agents.Manager) error {
		dry := args
		dry.DryRun = true
		res, err := m.Prune(ctx, dry, agents.Feedback{})
		if err != nil {
			return err
		}
		a.pruned(a.out, res)
		if a.out.err != nil || len(res.Images)+len(res.Caches) == 0 { // nobody agrees to what was not shown
			return a.out.err
		}
		fmt.Fprint(a.err, "Remove them? [y/N] ")
		answer, _ := bufio.NewReader(a.in).ReadString('\n')
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
			fmt.Fprintln(a.err, "nothing was removed")
			return nil
		}
		res, err = m.Prune(ctx, args, agents.Feedback{})
		if err != nil {
			return err
		}
		a.pruned(a.out, res)
		return nil
	})
}

func (a *app) prune(ctx context.Context, args agents.PruneArgs) error {
	return a.with(func(m *agents.Manager) error {
		res, err := m.Prune(ctx, args, agents.Feedback{})
		if err != nil {
			return err
		}
		return a.print(res, func(w io.Writer) { a.pruned(w, res) })
	})
}

func (a *app) pruned(w io.Writer, res agents.PruneResult) {
	for _, c := range res.Caches {
		verb := "removed"
		if res.DryRun {
			verb = "would remove"
		}
		fmt.Fprintf(w, "%s cache %s of %s\n", verb, plain.Line(c.Path), plain.Line(c.Repo))
	}
	if len(res.Images) == 0 {
		fmt.Fprintln(w, "no image is unused")
		return
	}
	verb := "removed"
	if res.DryRun {
		verb = "would remove"
	}
	for _, i := range res.Images {
		fmt.Fprintf(w, "%s %s  %s  %s\n", verb, shortID(i.ID), units.HumanSize(float64(i.SizeBytes)), plain.Line(imageTitle(i)))
	}
	fmt.Fprintf(w, "%d of %s, layers that others share included\n", len(res.Images), units.HumanSize(float64(res.SizeBytes)))
}
