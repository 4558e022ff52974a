package main

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/muesli/cancelreader"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/internal/system"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) attachCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "attach [BRANCH [SESSION]]",
		Short: "Attach this terminal to a session (default: the one last used); detach with Ctrl-b d",
		Long: `Attach this terminal to a session. Ctrl-b d detaches and leaves the session running, and so does Ctrl-p Ctrl-q. For a
Ctrl-b that is meant for the program, type it twice, or wait a second. Attaching detaches the terminal that was attached
before. The exit code is the program's own when it ends while attached, and 1 when its container was stopped; with
--exit-zero it is 0, for editors that take any other for a failure of the terminal.`,
		Args: cobra.MaximumNArgs(2), ValidArgsFunction: a.completeSession,
		RunE: func(c *cobra.Command, args []string) error {
			if !isTerminal(a.in) || !isTerminal(a.out.file) {
				return &usageError{fmt.Errorf("attach needs a terminal; read output with: hjk-ls logs -f")}
			}
			return a.attach(c.Context(), sessionArgs(args))
		},
	}
	cmd.Flags().BoolVar(&a.noClipboard, "no-clipboard", false, "programs may not write to the clipboard, whatever the setting is")
	cmd.Flags().BoolVar(&a.exitZero, "exit-zero", false, "end with exit code 0 however the session ended")
	return cmd
}

func (a *app) attach(ctx context.Context, args agents.SessionArgs) error {
	return a.with(func(m *agents.Manager) error {
		out, err := a.terminal(ctx, m, args)
		if err != nil {
			return err
		}
		a.ended = true
		if err := a.farewell(out); !a.exitZero {
			return err
		}
		return nil
	})
}

// terminal gives this terminal to a session and always puts it back as it was.
func (a *app) terminal(ctx context.Context, m *agents.Manager, args agents.SessionArgs) (agents.AttachOutcome, error) {
	fd := int(a.in.Fd())
	cols, rows, err := term.GetSize(fd)
	if err != nil {
		return agents.AttachOutcome{}, err
	}
	keys, err := cancelreader.NewReader(a.in)
	if err != nil {
		return agents.AttachOutcome{}, err
	}
	in := &input{r: keys}
	defer in.end()
	resize, stop := watchSize(fd)
	defer stop()
	state, err := term.MakeRaw(fd)
	if err != nil {
		return agents.AttachOutcome{}, err
	}
	a.cooked.Store(state)
	defer a.sane()
	t := container.Terminal{In: in, Out: a.out.file, Cols: cols, Rows: rows, Resize: resize, Term: os.Getenv("TERM")}
	if !a.noClipboard {
		t.Clipboard = a.copied
	}
	return m.OpenTerminal(ctx, args, t)
}

// sane gives the terminal back to who had it before a session.
func (a *app) sane() {
	if state := a.cooked.Swap(nil); state != nil {
		_ = term.Restore(int(a.in.Fd()), state)
	}
}

// copied lets a program put text on the clipboard, and remembers it for the farewell.
func (a *app) copied(bytes int) bool {
	a.copies = append(a.copies, bytes)
	return true
}

// input reads the terminal until end, and takes no key after it.
type input struct {
	r  cancelreader.CancelReader
	mu sync.Mutex // held while reading
}

func (i *input) Read(b []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.r.Read(b)
}

func (i *input) end() {
	i.r.Cancel()
	i.mu.Lock()
	defer i.mu.Unlock()
	_ = i.r.Close()
}

// watchSize tells each new size of the terminal; of several unread ones, the newest.
func watchSize(fd int) (<-chan container.Size, func()) {
	sizes := make(chan container.Size, 1)
	signals, stop := system.SizeChanges()
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-signals:
			}
			cols, rows, err := term.GetSize(fd)
			if err != nil {
				continue
			}
			select {
			case <-sizes:
			default:
			}
			sizes <- container.Size{Cols: cols, Rows: rows}
		}
	}()
	return sizes, func() {
		stop()
		close(done)
	}
}

// farewell says on standard error how the attach ended, and gives the program's exit code.
func (a *app) farewell(o agents.AttachOutcome) error {
	defer func() {
		if n := len(a.copies); n > 0 {
			often := "once,"
			if n > 1 {
				often = fmt.Sprintf("%d times, the last time", n)
			}
			fmt.Fprintf(a.err, "[it put text on your clipboard %s %d bytes; the setting `clipboard: none` forbids that]\r\n", often, a.copies[n-1])
		}
	}()
	said, code := ending(o)
	fmt.Fprintf(a.err, "%s\r\n", said)
	if code != 0 {
		return &exitError{code}
	}
	return nil
}

// ending is how an attach ended, for its user, and the exit code of the command.
func ending(o agents.AttachOutcome) (said string, code int) {
	name, branch := o.Session.Name, o.Branch
	switch o.Reason {
	case container.Detached:
		return fmt.Sprintf("\r\n[detached from %s; it goes on running]", name), 0
	case container.Replaced:
		return fmt.Sprintf("\r\n[detached from %s: another terminal attached]", name), 0
	case container.Stopped:
		why := "stopped"
		if o.OutOfMemory {
			why = "killed, as it used all the memory it may have (resources.memory)"
		}
		return fmt.Sprintf("\r\n[%s runs no more: the container of %s was %s; start it with: %s]", name, branch, why, hjk("run", branch)), exitFailed
	case container.Removed:
		return fmt.Sprintf("\r\n[%s runs no more: the container of %s was removed; what there is now is told by: hjk-ls ps]", name, branch), exitFailed
	case agents.Recreated:
		return fmt.Sprintf("\r\n[%s runs no more: the container of %s was recreated; attach again with: %s]", name, branch, hjk("attach", branch)), exitFailed
	case container.Lost:
		return fmt.Sprintf("\r\n[the container engine does not answer any more; whether %s runs is told by: hjk-ls ps]", name), exitFailed
	}
	return ended(o)
}

// ended is that for a program that ended.
func ended(o agents.AttachOutcome) (said string, code int) {
	how := "ended"
	switch {
	case o.Reason == container.Killed:
		how = "was killed by hjk-ls"
	case o.OutOfMemory:
		how = "was killed, as its container used all the memory it may have (resources.memory),"
	}
	if o.ExitCode == nil {
		return fmt.Sprintf("[%s %s]", o.Session.Name, how), 0
	}
	return fmt.Sprintf("[%s %s with exit code %d]", o.Session.Name, how, *o.ExitCode), *o.ExitCode
}

func hjk(words ...string) string { return plain.Shell(append([]string{"hjk-ls"}, words...)...) }
