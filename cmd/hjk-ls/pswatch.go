package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// redrawEvery is how often ps -w looks.
const redrawEvery = 2 * time.Second

// watchPs draws the table again and again until its user has seen enough.
func (a *app) watchPs(ctx context.Context, m *agents.Manager, args agents.ListArgs) error {
	if a.json || !isTerminal(a.out.file) {
		return &usageError{fmt.Errorf("ps -w draws on a terminal; a program reads changes from: hjk-ls events --json")}
	}
	a.out.raw("\x1b[?1049h\x1b[?25l") // a screen of its own, without a cursor
	defer a.out.raw("\x1b[?25h\x1b[?1049l")
	for {
		res, err := m.List(ctx, args)
		if ctx.Err() != nil {
			a.ended = true
			return nil
		}
		if err != nil {
			return err
		}
		a.drawScreen(res.Instances)
		select {
		case <-ctx.Done():
			a.ended = true
			return nil
		case <-time.After(redrawEvery):
		}
	}
}

// drawScreen draws over what was drawn before, as much as fits.
func (a *app) drawScreen(all []agents.Instance) {
	var b bytes.Buffer
	a.saidTable(&b, all)
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if _, height, err := term.GetSize(int(a.out.file.Fd())); err == nil && len(lines) > height-1 {
		lines = lines[:max(height-1, 0)]
	}
	lines = append(lines, time.Now().Format(time.TimeOnly)+"  Ctrl-C ends")
	a.out.raw("\x1b[H" + strings.Join(lines, "\x1b[K\r\n") + "\x1b[K\x1b[J")
}
