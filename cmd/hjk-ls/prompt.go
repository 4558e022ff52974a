package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// flagError is wrong usage. Of run it says how a prompt is given that looks like a flag.
func (a *app) flagError(c *cobra.Command, err error) error {
	if c.Name() != "run" {
		return &usageError{err}
	}
	_, bad, found := strings.Cut(err.Error(), "unknown flag: ")
	if !found {
		if _, bad, found = strings.Cut(err.Error(), " in -"); !found {
			return &usageError{err}
		}
	}
	at := slices.IndexFunc(a.args, func(arg string) bool {
		return strings.HasPrefix(arg, "-") && (strings.HasPrefix(arg, bad) || !strings.HasPrefix(arg, "--") && strings.HasSuffix(arg, bad))
	})
	return &usageError{fmt.Errorf("%w; %s", err, a.promptAdvice(c, at))}
}

// promptAdvice says where a prompt goes that begins with a dash. at is which of the command's arguments was taken for a flag.
func (a *app) promptAdvice(c *cobra.Command, at int) string {
	advice := "a prompt that begins with '-' goes after --"
	if at < 0 {
		return advice
	}
	all := slices.Concat(a.args[:at], a.args[at+1:], []string{"--", a.args[at]})
	verb := slices.Index(all, c.Name())
	if verb < 0 || c.ParseFlags(all[verb+1:]) != nil || c.Flags().NArg() != 2 {
		return advice
	}
	return advice + ": " + plain.Shell(append([]string{"hjk-ls"}, all...)...)
}

// shortEnv knows a word such as "-explain this" that became the variable "xplain this".
func shortEnv(env []string) func(string) bool {
	return func(arg string) bool {
		name, ok := strings.CutPrefix(arg, "-e")
		return ok && name != "" && !strings.Contains(name, "=") && slices.Contains(env, name)
	}
}

// runArgs are a branch and a prompt, or one of them. A prompt of several words without quotes is told so.
func runArgs(c *cobra.Command, args []string) error {
	if err := cobra.MaximumNArgs(2)(c, args); err != nil {
		if len(args) > 2 {
			err = fmt.Errorf("%w; a prompt of several words goes into quotes: %s", err, plain.Shell("hjk-ls", "run", args[0], "--", strings.Join(args[1:], " ")))
		}
		return err
	}
	return nil
}
