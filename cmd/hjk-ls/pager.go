package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

// paged gives f a page that goes through the user's pager, as git would choose it, where standard output is a terminal.
func (a *app) paged(f func(*page) error) error {
	if !isTerminal(a.out.file) {
		return f(a.out)
	}
	command := a.pager()
	if command == "" || command == "cat" {
		return f(a.out)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = r, a.out.file, a.err.file, pagerEnv(os.Environ())
	err = cmd.Start()
	_ = r.Close()
	if err != nil {
		return errors.Join(fmt.Errorf("start the pager %s: %w", command, err), w.Close())
	}
	signal.Ignore(os.Interrupt) // it is for the pager, which ends when its user says so
	out := newPage(w)
	err = f(out)
	ended := out.end()
	_ = w.Close()
	_ = cmd.Wait()                                                        // how a pager ends is its user's
	if errors.Is(err, syscall.EPIPE) || errors.Is(ended, syscall.EPIPE) { // they have seen enough
		return nil
	}
	return orElse(err, ended)
}

// pager is the command that git would show its output with.
func (a *app) pager() string {
	dir, err := a.folder()
	if err != nil {
		return ""
	}
	out, err := exec.Command("git", "-C", dir, "var", "GIT_PAGER").Output()
	words := strings.Fields(string(out))
	if err != nil || len(words) == 0 {
		return ""
	}
	if _, err := exec.LookPath(words[0]); err != nil && !strings.Contains(words[0], "=") { // git's own choice may not be there
		return ""
	}
	return strings.TrimSpace(string(out))
}

// pagerEnv has what git gives pagers that are not told otherwise: less shows colours, and ends at once when all fits the screen.
func pagerEnv(env []string) []string {
	for key, value := range map[string]string{"LESS": "FRX", "LV": "-c"} {
		if _, set := os.LookupEnv(key); !set {
			env = append(env, key+"="+value)
		}
	}
	return env
}
