package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/internal/system"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// execFlags are what `hjk-ls exec` was told.
type execFlags struct {
	args     agents.ExecArgs
	dir      string
	env      []string
	tty, not bool
}

func (a *app) execCommand() *cobra.Command {
	x := &execFlags{}
	c := &cobra.Command{
		Use:   "exec [BRANCH] -- COMMAND [ARG…]",
		Short: "Run a command in the container of a branch, with this terminal or these pipes",
		Long: `Run a command in the container of a branch: in its worktree, as a session would have it, and beside the sessions.
Standard input, output and error are this command's own; with -t, or where input and output are a terminal, the command
has a terminal. A stopped container is started. From a subfolder of a checkout the command starts in the same subfolder.

The exit code is the command's. 125 is a failure of hjk-ls itself, 126 a command that cannot be executed, 127 one that is
not there. A signal to hjk-ls goes to the command, which is killed when it has not ended 10 s later; the command ends
with hjk-ls, too, however that ends.`,
		Example: `  hjk-ls exec fix/login -- npm test
  hjk-ls exec fix/login -d web -e CI=1 -- npm run build
  tar c data | hjk-ls exec fix/login -- tar x`,
		ValidArgsFunction: a.completeBranch,
		RunE: func(c *cobra.Command, argv []string) error {
			if err := x.parse(c, argv); err != nil {
				return err
			}
			if help, _ := c.Flags().GetBool("help"); help {
				return c.Help()
			}
			return a.execute(c.Context(), x)
		},
	}
	f := c.Flags()
	f.SetInterspersed(false) // what comes after the branch may be the command's
	f.StringVarP(&x.dir, "dir", "d", "", "folder it starts in, relative to where it would start otherwise")
	f.StringArrayVarP(&x.env, "env", "e", nil, "KEY=VALUE, or KEY to pass the host's value")
	f.StringVar(&x.args.As, "as", "", "agent whose variables and credentials the command gets")
	f.BoolVarP(&x.tty, "tty", "t", false, "give the command a terminal")
	f.BoolVarP(&x.not, "no-tty", "T", false, "give it none")
	f.BoolVar(&x.args.NoStart, "no-start", false, "refuse when the container does not run")
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return ownFailure(&usageError{err}) })
	a.jsonFlag(c)
	err := c.RegisterFlagCompletionFunc("as", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return offers["agent"](a.choices()), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // two of one name
	}
	return c
}

// parse reads what comes after the branch: flags, then the command, with or without a -- before it.
func (x *execFlags) parse(c *cobra.Command, argv []string) error {
	usage := func(err error) error { return ownFailure(&usageError{err}) }
	x.args.Short = true
	switch {
	case c.ArgsLenAtDash() == 0: // the command alone, in a checkout of an instance
		x.args.Command = argv
	case len(argv) > 0 && argv[0] == "":
		return ownFailure(errEmptyBranch)
	case len(argv) > 0:
		x.args.Branch = argv[0]
		if err := c.Flags().Parse(argv[1:]); err != nil {
			return usage(err)
		}
		x.args.Command = c.Flags().Args()
	}
	if help, _ := c.Flags().GetBool("help"); help {
		return nil
	}
	switch {
	case len(argv) == 0:
		return usage(errors.New("the branch and the command are missing: hjk-ls exec BRANCH -- COMMAND"))
	case len(x.args.Command) == 0:
		return usage(fmt.Errorf("the command is missing: %s COMMAND; for a shell: %s", hjk("exec", argv[0], "--"), hjk("shell", argv[0])))
	case x.tty && x.not:
		return usage(errors.New("-t and -T contradict each other"))
	}
	var err error
	if x.args.Env, err = parseEnv(x.env); err != nil {
		return ownFailure(err)
	}
	return nil
}

// execute runs the command and gives its exit code.
func (a *app) execute(ctx context.Context, x *execFlags) error {
	cwd, err := a.subfolder()
	if err != nil {
		return ownFailure(err)
	}
	x.args.Cwd = cwd
	if x.dir != "" {
		if x.args.Cwd = x.dir; !filepath.IsAbs(x.dir) {
			x.args.Cwd = filepath.Join(cwd, x.dir)
		}
	}
	s := agents.ExecStreams{In: a.in, Out: a.out.file, Err: a.err.file, Anywhere: x.dir == ""}
	s.Terminal = !a.json && (x.tty || !x.not && isTerminal(a.in) && isTerminal(a.out.file))
	system.ReadInBackground()
	err = a.withFeedback(ctx, func(ctx context.Context, m *agents.Manager, fb agents.Feedback) error {
		if a.json {
			res, err := m.ExecFrom(ctx, x.args, s, fb)
			if err != nil {
				return ownFailure(err)
			}
			if err := a.print(res, nil); err != nil {
				return err
			}
			return codeOf(res.ExitCode)
		}
		return a.stream(ctx, m, x.args, s, fb)
	})
	return err
}

// stream runs it with the streams of this process, and sends it the signals that this process gets.
func (a *app) stream(ctx context.Context, m *agents.Manager, args agents.ExecArgs, s agents.ExecStreams, fb agents.Feedback) error {
	signals, stop := forwarded()
	defer stop()
	s.Signals = signals
	front := a.front(&s)
	defer front.end()
	end, err := m.ExecStreams(ctx, args, s, fb)
	front.end()
	switch {
	case err != nil:
		return ownFailure(err)
	case end.Stopped:
		fmt.Fprintf(a.err, "hjk-ls: the container of %s was stopped\n", plain.Line(args.Branch))
	case end.Starved:
		fmt.Fprintf(a.err, "hjk-ls: %s was killed, as its container used all the memory it may have (resources.memory)\n", plain.Line(args.Command[0]))
	}
	return codeOf(end.Code)
}

func codeOf(code int) error {
	if code != 0 {
		return &exitError{code}
	}
	return nil
}

// subfolder is the current folder relative to the top of its checkout.
func (a *app) subfolder() (string, error) {
	dir, err := a.folder()
	if err != nil {
		return "", err
	}
	top := checkoutOf(dir)
	rel, err := filepath.Rel(top, dir)
	if top == "" || err != nil {
		return "", nil //nolint:nilerr // it is in no checkout
	}
	return rel, nil
}

// signalNames are the signals that a command inside is sent.
var signalNames = map[os.Signal]string{syscall.SIGHUP: "HUP", syscall.SIGINT: "INT", syscall.SIGQUIT: "QUIT", syscall.SIGTERM: "TERM"}

// forwarded are the signals that this process gets, by name. A reader of its output that has gone is for the command to learn of.
func forwarded() (names <-chan string, stop func()) {
	got, out := make(chan os.Signal, 8), make(chan string, 8)
	signal.Notify(got, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case s := <-got:
				if name := signalNames[s]; name != "" {
					out <- name
				}
			}
		}
	}()
	return out, func() {
		signal.Stop(got)
		close(done)
	}
}

// ownError is a failure of hjk-ls itself, or of a command that did not run, which is told apart from the command's own.
type ownError struct{ err error }

func (e *ownError) Error() string { return e.err.Error() }
func (e *ownError) Unwrap() error { return e.err }

// Exit codes of exec, as `docker exec` and shells have them.
const (
	exitOwn           = 125
	exitNotExecutable = 126
	exitNoCommand     = 127
)

func ownFailure(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &ownError{err}
}

func (e *ownError) code() int {
	switch agents.CodeOf(e.err) {
	case agents.CodeCommandNotFound:
		return exitNoCommand
	case agents.CodeNotExecutable:
		return exitNotExecutable
	case agents.CodeCanceled:
		return exitCanceled
	}
	return exitOwn
}
