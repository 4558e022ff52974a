package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) eventsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "events", Short: "Print a line for each change of instances, sessions and builds, until it is ended", Args: cobra.NoArgs,
		Long: `Print a line for each change of instances, sessions and builds, until it is ended.

The first line says that the engine answers: what follows are changes from then on. It goes on when the engine restarts.`,
		Example: `  hjk-ls events --json | jq -r 'select(.event == "waiting") | .branch'`,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(m *agents.Manager) error {
				ctx, cancel := context.WithCancel(c.Context())
				defer cancel()
				err := m.Events(ctx, func(e agents.Event) {
					a.printEvent(e)
					if a.out.err != nil { // nobody reads any more
						cancel()
					}
				})
				if a.out.err != nil {
					return a.out.err
				}
				return err
			})
		},
	}
	c.Flags().BoolVar(&a.json, "json", false, "an object a line")
	return c
}

// printEvent prints an event at once.
func (a *app) printEvent(e agents.Event) {
	if a.json {
		if b, err := json.Marshal(e); err == nil {
			a.out.raw(string(plain.JSON(b)) + "\n")
		}
		return
	}
	words := []string{e.Time.Local().Format(time.TimeOnly)}
	switch e.Type {
	case agents.EventSession:
		words = append(words, e.Branch, e.Session)
	case agents.EventInstance:
		words = append(words, e.Branch)
	case agents.EventBuild:
		words = append(words, "build", e.Dockerfile)
	default:
		words = append(words, e.Type)
	}
	words = append(words, e.Event)
	if e.ExitCode != nil {
		words = append(words, fmt.Sprint(*e.ExitCode))
	}
	if e.Message != "" {
		words = append(words, "("+e.Message+")")
	}
	a.out.raw(plain.Line(plain.Clip(strings.Join(words, " "), plain.MaxMessage)) + "\n")
}
