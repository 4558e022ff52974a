package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

// eachMain runs commands in the session's terminal, one after the other, until one fails. Each is told before it runs, as `set -x` of a
// shell does it. An image need not have a shell.
func eachMain(list string) int {
	var commands [][]string
	if err := json.Unmarshal([]byte(list), &commands); err != nil {
		fmt.Fprintln(os.Stderr, "hjk-shim: each:", err)
		return 2
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	for _, words := range commands {
		if len(words) == 0 {
			continue
		}
		fmt.Fprintln(os.Stderr, "+", spelledOut(words))
		if code := one(words, signals); code != 0 {
			return code
		}
	}
	return 0
}

// one runs a command and gives its exit code as a shell would. What ends the session ends the command first; keys of the terminal
// reach it without us.
func one(words []string, signals <-chan os.Signal) int {
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hjk-shim:", err)
		return 1
	}
	path, err := lookup(words[0], dir, os.Getenv("PATH"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "hjk-shim:", err)
		return 127
	}
	cmd := exec.Command(path, words[1:]...)
	cmd.Args[0] = words[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "hjk-shim:", err)
		return 126
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	asked := 0 // by a signal to end
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGTERM || s == syscall.SIGHUP {
				asked = 128 + int(s.(syscall.Signal))
				_ = cmd.Process.Signal(s)
			}
		case err := <-ended:
			if code := codeOf(err); code != 0 {
				return code
			}
			return asked
		}
	}
}

func codeOf(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		return 1
	}
	if st, ok := exit.Sys().(syscall.WaitStatus); ok && st.Signaled() {
		return 128 + int(st.Signal())
	}
	return exit.ExitCode()
}

// spelledOut shows words of a command so that it can be seen where each ends.
func spelledOut(words []string) string {
	shown := make([]string, 0, len(words))
	for _, w := range words {
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return !strings.ContainsRune("%+,-./:=@_", r) && !alphanumeric(r) }) {
			w = strconv.Quote(w)
		}
		shown = append(shown, w)
	}
	return strings.Join(shown, " ")
}

func alphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
