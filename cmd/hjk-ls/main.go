// Command hjk-ls is the Headjack language server, and the same verbs as subcommands.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// version is set by the build; `go install` leaves it to the module's.
var version string

func init() {
	if version == "" {
		version = moduleVersion()
	}
}

func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

func main() { os.Exit(mainExit()) }

// mainExit runs hjk-ls and returns its exit code, for tests to run it in their own process.
func mainExit() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ended := make(chan struct{})
	defer close(ended)
	a := newApp(os.Stdin, os.Stdout, os.Stderr)
	go backstop(ctx, ended, a.sane)
	c, err := a.command().ExecuteContextC(ctx)
	a.path = c.CommandPath()
	if ctx.Err() != nil && (err == nil || canceled(ctx, err)) && !a.ended {
		err = context.Canceled
	}
	if lost := a.out.end(); lost != nil && err == nil {
		err = lost
	}
	code := a.report(err)
	_ = a.err.end()
	return code
}

// canceled reports whether err comes from the end of ctx, whose cause is the signal.
func canceled(ctx context.Context, err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))
}
