package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) psCommand() *cobra.Command {
	var args agents.ListArgs
	var watch bool
	c := &cobra.Command{
		Use: "ps", Aliases: []string{"ls", "list"}, Short: "List the instances of the repository with their sessions", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			args.LastLines = true
			return a.with(func(m *agents.Manager) error {
				if watch {
					return a.watchPs(c.Context(), m, args)
				}
				res, err := m.List(c.Context(), args)
				if agents.CodeOf(err) == agents.CodeNotRepository {
					return fmt.Errorf("%w; --all lists every repository's instances", err)
				}
				if err != nil {
					return err
				}
				a.tellUnknown(res.Instances)
				a.tellGit(res.Instances)
				return a.print(res, func(w io.Writer) { a.saidTable(w, res.Instances) })
			})
		},
	}
	c.Flags().BoolVarP(&args.All, "all", "a", false, "of every repository")
	c.Flags().BoolVarP(&watch, "watch", "w", false, "draw the table again every two seconds, until Ctrl-C")
	a.jsonFlag(c)
	return c
}

// tellUnknown says why no state is known, which is told in no other way without --json.
func (a *app) tellUnknown(all []agents.Instance) {
	unknown := func(i agents.Instance) bool { return i.State == agents.StateUnknown }
	if !a.json && slices.ContainsFunc(all, unknown) {
		fmt.Fprintln(a.err, "hjk-ls: no container engine answers, so what runs is not known; hjk-ls doctor tells how to mend it")
	}
}

// tellGit says whose commits do not come over, and what to do, which the table has no room for.
func (a *app) tellGit(all []agents.Instance) {
	for _, i := range all {
		if g := i.Git; !a.json && g != nil && g.Message != "" {
			fmt.Fprintf(a.err, "hjk-ls: git of %s is %s: %s\n", plain.Line(i.Branch), g.State, plain.Line(g.Message))
		}
	}
}

// table prints instances for a person, aligned, within the terminal's width.
func (a *app) table(w io.Writer, all []agents.Instance) {
	rows := [][]string{{"BRANCH", "STATE", "IMAGE", "SESSIONS", "CREATED"}}
	for _, i := range all {
		rows = append(rows, []string{i.Branch, string(i.State), image(i), sessions(i.Sessions), age(i.CreatedAt)})
	}
	withPorts(rows, all)
	a.rows(w, rows, func(n, c int, cell string) string {
		if c != 1 {
			return cell
		}
		return a.paint(cell, stateColor(all[n].State))
	})
}

// rows prints a table, its first row as the head. paint, which may be nil, colours a cell of the n-th row after it.
func (a *app) rows(w io.Writer, rows [][]string, paint func(n, c int, cell string) string) {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for c := range r {
			r[c] = plain.Line(r[c])
			widths[c] = max(widths[c], runewidth.StringWidth(r[c]))
		}
	}
	a.fit(widths)
	for n, r := range rows {
		var line strings.Builder
		for c, cell := range r {
			cell = runewidth.FillRight(runewidth.Truncate(cell, widths[c], "…"), widths[c])
			if n > 0 && paint != nil {
				cell = paint(n-1, c, cell)
			}
			line.WriteString(cell + "  ")
		}
		draw(w, strings.TrimRight(line.String(), " ")+"\n")
	}
}

// fit narrows the widest columns until a line fits the terminal.
func (a *app) fit(widths []int) {
	width, _, err := term.GetSize(int(a.out.file.Fd()))
	if err != nil {
		return
	}
	total := func() (n int) {
		for _, w := range widths {
			n += w + 2
		}
		return n
	}
	for total() > width {
		widest := 0
		for c := range widths {
			if widths[c] > widths[widest] {
				widest = c
			}
		}
		if widths[widest] <= 8 {
			return
		}
		widths[widest]--
	}
}

func image(i agents.Instance) string {
	name := i.Image.Ref
	if i.Image.Dockerfile != "" {
		name = strings.TrimPrefix(i.Image.Dockerfile, i.Worktree+"/")
	}
	if i.Image.Stale {
		name += " (stale)"
	}
	return name
}

// sessions is a word a session: its name, and what is to be said of it.
func sessions(all []agents.Session) string {
	var words []string
	for _, s := range all {
		word := s.Name
		switch {
		case s.ComesBack:
			word += " (comes back)"
		case s.State == "exited" && s.ExitCode != nil:
			word += fmt.Sprintf(" (exit %d)", *s.ExitCode)
		case s.State == "exited":
			word += " (ended)"
		case s.Waiting:
			word += " (waiting" + since(s) + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return units.HumanDuration(time.Since(t)) + " ago"
}

type color string

const (
	green  color = "32"
	yellow color = "33"
	red    color = "31"
	grey   color = "90"
)

func stateColor(s agents.State) color {
	switch s {
	case agents.StateRunning:
		return green
	case agents.StateFailed:
		return red
	case agents.StateStopped, agents.StateUnknown:
		return grey
	}
	return yellow
}

func (a *app) paint(s string, c color) string {
	if !a.colors(a.out.file) {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}
