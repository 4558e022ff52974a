package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// app is what all subcommands share: streams, global flags, and the Manager when one is needed.
type app struct {
	in       *os.File
	out, err *page
	args     []string // of the command line, without its program
	path     string   // of the command that ran: hjk-ls exec

	workspace string
	host      string
	logLevel  string
	json      bool
	noColor   bool

	ended    bool // the command came to its own end, whatever signals came meanwhile
	exitZero bool // of attach: how the session ended is no matter

	noClipboard bool
	copies      []int // bytes of each text that a program put on the clipboard

	cooked atomic.Pointer[term.State] // of the terminal, while it is given to a session
}

func newApp(in, out, err *os.File) *app {
	return &app{in: in, out: newPage(out), err: newPage(err), args: os.Args[1:]}
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "hjk-ls",
		Short: "Run coding agents side by side, each on its own branch, each in its own container",
		Long: `hjk-ls runs coding agents side by side, each on its own git branch, each in its own container.

Without a subcommand it is a language server on standard input and output (LSP 3.17), for an editor to start.
The subcommands do the same from a terminal.

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 no container engine answers; 4 no such branch, instance, session
or image; 5 refused (work would be lost, or an image asks for power over the host); 6 a build, a pull or a setup failed;
130 canceled. attach, run and shell when they attach, and exec end with the program's own exit code; exec has 125 to 127
for itself.`,
		Args:          cobra.NoArgs,
		SilenceErrors: true, SilenceUsage: true,
		Version: version,
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.workspace, "workspace", "C", "", "folder of the repository (default: the current folder)")
	f.StringVar(&a.host, "host", "", "container engine, as in DOCKER_HOST (default: found)")
	f.StringVar(&a.logLevel, "log-level", "warn", "debug, info, warn or error; logs go to standard error")
	f.BoolVar(&a.noColor, "no-color", false, "no colours, as with NO_COLOR set")
	a.addServer(root)
	root.AddCommand(a.setupCommand())
	root.AddCommand(
		a.runCommand(), a.execCommand(), a.shellCommand(), a.attachCommand(), a.psCommand(), a.startCommand(), a.stopCommand(), a.killCommand(), a.waitCommand(), a.sendCommand(), a.eventsCommand(), a.recreateCommand(),
		a.initCommand(),
		a.rmCommand(), a.logsCommand(), a.buildCommand(), a.buildLogCommand(), a.imagesCommand(), a.pruneCommand(), a.configCommand(), a.authCommand(), a.doctorCommand(), a.versionCommand(), a.manCommand(),
	)
	root.AddCommand(a.diffCommand(), a.mergeCommand(), a.pushCommand())
	root.AddCommand(a.forwardCommand(), a.openCommand())
	addGroups(root)
	root.SetOut(a.out)
	root.SetFlagErrorFunc(a.flagError)
	for _, c := range append(root.Commands(), root) {
		c.Args = usageArgs(c.Args)
		a.completeFlags(c)
		a.shortBranch(c)
	}
	return root
}

// usageArgs makes wrong arguments an error of usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		return nil
	}
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}

// manager makes the Manager; it connects to nothing yet.
func (a *app) manager() (*agents.Manager, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	m := agents.New(agents.Options{
		Log: a.logger(), Getenv: os.Getenv, Home: home, Executable: exe, Version: version, EngineHost: a.host,
		StateDir:   filepath.Join(xdg("XDG_STATE_HOME", home, ".local/state"), "headjack"),
		ConfigFile: filepath.Join(xdg("XDG_CONFIG_HOME", home, ".config"), "headjack", "config.yaml"),
		UID:        os.Getuid(), GID: os.Getgid(),
		Credentials: a.credentials(home),
	})
	dir, err := a.folder()
	if err != nil {
		return nil, err
	}
	m.SetFolders([]string{dir})
	return m, nil
}

// folder is the absolute path of the folder the command works in.
func (a *app) folder() (string, error) {
	if a.workspace != "" {
		return filepath.Abs(a.workspace)
	}
	dir, err := os.Getwd()
	if err != nil {
		// It looks into the folder, which an agent may have locked; the kernel knows its path nevertheless.
		if dir, err = syscall.Getwd(); err != nil {
			return "", fmt.Errorf("find the current folder: %w; name the repository by -C", err)
		}
	}
	return dir, nil
}

// xdg is a folder of the XDG base directory specification.
func xdg(key, home, otherwise string) string {
	if d := os.Getenv(key); filepath.IsAbs(d) {
		return d
	}
	return filepath.Join(home, otherwise)
}

// logger writes to standard error only: standard output is the protocol's, or the result's.
func (a *app) logger() *zap.Logger {
	level, err := zapcore.ParseLevel(a.logLevel)
	if err != nil {
		level = zapcore.WarnLevel
	}
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.ISO8601TimeEncoder
	return zap.New(zapcore.NewCore(plain.Encoder(zapcore.NewConsoleEncoder(enc)), zapcore.Lock(a.err.file), level))
}

// with runs f with a Manager.
func (a *app) with(f func(*agents.Manager) error) error {
	m, err := a.manager()
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	return f(m)
}

func (a *app) jsonFlag(c *cobra.Command) {
	c.Flags().BoolVar(&a.json, "json", false, "print the result as JSON, as the protocol has it")
}

// print writes a result: as JSON, or by text. That it could be written is seen in the end.
func (a *app) print(v any, text func(io.Writer)) error {
	if !a.json {
		text(a.out)
		return nil
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	a.out.raw(string(plain.JSON(b)) + "\n")
	return nil
}

// colors reports whether w may have colours.
func (a *app) colors(f *os.File) bool {
	return !a.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(f)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
