package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// withFeedback runs f with a Manager and shows on standard error how it goes: steps a line each, builds and pulls as
// `docker build` shows them.
func (a *app) withFeedback(ctx context.Context, f func(context.Context, *agents.Manager, agents.Feedback) error) error {
	return a.with(func(m *agents.Manager) error {
		p := &display{a: a}
		defer p.end()
		err := f(ctx, m, agents.Feedback{Step: p.step, Output: p.output, Solve: p.solve, Consent: a.consent(p), Terminal: isTerminal(a.in)})
		return err
	})
}

// display is what is shown while something runs.
type display struct {
	a    *app
	ch   chan *bkclient.SolveStatus // to the running progress display
	done chan struct{}
}

func (d *display) step(message string) {
	d.end()
	if d.a.json {
		return
	}
	fmt.Fprintf(d.a.err, "%s\n", plain.Short(message, plain.MaxMessage))
}

// output shows what the setup writes, set off from our own lines.
func (d *display) output(line string) {
	d.end()
	if !d.a.json {
		fmt.Fprintf(d.a.err, "  %s\n", plain.Short(line, plain.MaxMessage))
	}
}

// solve feeds BuildKit's own progress display, which begins with the first status.
func (d *display) solve(s *bkclient.SolveStatus) {
	if d.ch == nil && !d.begin() {
		return
	}
	select {
	case d.ch <- s:
	case <-d.done:
	}
}

func (d *display) begin() bool {
	mode, out := progressui.AutoMode, io.Writer(d.a.err.file) // the display draws, with what the builder has made plain
	if d.a.json || !isTerminal(d.a.err.file) {
		mode, out = progressui.PlainMode, d.a.err
	}
	show, err := progressui.NewDisplay(out, mode)
	if err != nil {
		return false
	}
	d.ch, d.done = make(chan *bkclient.SolveStatus, 16), make(chan struct{})
	go func(ch chan *bkclient.SolveStatus, done chan struct{}) {
		defer close(done)
		_, _ = show.UpdateFrom(context.Background(), ch) // not the caller's: it must put the cursor back
	}(d.ch, d.done)
	return true
}

// end waits until the display has drawn its last.
func (d *display) end() {
	if d.ch == nil {
		return
	}
	close(d.ch)
	<-d.done
	d.ch, d.done = nil, nil
}

// allowHelp describes --allow-privileges.
const allowHelp = "allow what the image, the repository's file and its agents ask of the host, and remember exactly that"

// consent asks on a terminal whether power over the host is allowed; elsewhere nobody can say yes.
func (a *app) consent(d *display) func(string, []string) agents.Answer {
	if !isTerminal(a.in) || !isTerminal(a.err.file) {
		return nil
	}
	return func(what string, flags []string) agents.Answer {
		d.end()
		fmt.Fprintf(a.err, "%s asks for power over the host: %s\nAllow exactly this, and remember it? [y/N] ", plain.Line(what), plain.Line(strings.Join(flags, ", ")))
		answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			return agents.Allowed
		}
		if err != nil { // the terminal ended
			return agents.Unanswered
		}
		return agents.Refused
	}
}
