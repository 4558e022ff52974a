package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// promptOf is run's prompt: its argument, a file, or standard input, which "-" stands for. A literal one, which stands after --, is
// itself, whatever it is.
func (a *app) promptOf(ctx context.Context, args []string, literal bool, file string) (string, error) {
	if len(args) > 0 && file != "" {
		return "", &usageError{errors.New("there is a PROMPT and --prompt-file; give one of them")}
	}
	if len(args) > 0 && (literal || args[0] != "-") {
		return args[0], nil
	}
	if len(args) > 0 {
		file = "-"
	}
	switch file {
	case "":
		return "", nil
	case "-":
		if isTerminal(a.in) {
			fmt.Fprintln(a.err, "hjk-ls: write the prompt, and end it with Ctrl-d on a line of its own")
		}
		return readPrompt(ctx, "standard input", a.in)
	}
	f, err := os.Open(file)
	if err != nil {
		return "", &usageError{fmt.Errorf("--prompt-file: %w", err)}
	}
	defer f.Close()
	return readPrompt(ctx, file, f)
}

// readPrompt reads a text to its end, without the blank lines there, as the user's own shell would pass it on. A text that does not
// come is waited for until ctx ends; one without an end is not read to it.
func readPrompt(ctx context.Context, name string, r io.Reader) (string, error) {
	type text struct {
		b   []byte
		err error
	}
	done := make(chan text, 1)
	go func() {
		b, err := io.ReadAll(io.LimitReader(r, agents.MaxPrompt+2)) // the last line's end does not count
		done <- text{b, err}
	}()
	var t text
	select {
	case t = <-done:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	prompt := strings.TrimRight(string(t.b), "\r\n")
	switch {
	case t.err != nil:
		return "", fmt.Errorf("read the prompt: %w", t.err)
	case !utf8.Valid(t.b) && len(t.b) <= agents.MaxPrompt:
		return "", agents.Errorf(agents.CodeInvalidArgument, "the prompt in %s is not UTF-8 text; write it as that", name)
	case strings.TrimSpace(prompt) == "":
		return "", agents.Errorf(agents.CodeInvalidArgument, "the prompt in %s is empty; write what the agent is to do, or leave it out", name)
	}
	return prompt, nil
}
