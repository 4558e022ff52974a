package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// tmuxPatience bounds every tmux command: one that hangs means a tmux that does not work.
const tmuxPatience = 5 * time.Second

func tmuxSocket() string {
	dir, err := userSockDir()
	if err != nil {
		dir = sockDir
	}
	return filepath.Join(dir, "tmux")
}

// tmux runs a tmux command on the server of this user's sessions. The environment is clean: the server keeps what it
// is started with for every later session, and shows it to anybody who asks.
func tmux(bin string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), tmuxPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, append([]string{"-u", "-S", tmuxSocket(), "-f", "/dev/null"}, args...)...)
	cmd.Env = tmuxEnv()
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("tmux %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

// tmuxEnv makes sure of a UTF-8 locale: tmux refuses to start without one.
func tmuxEnv() []string {
	return mergeEnv(cleanEnv(os.Environ()), []string{"LC_ALL=" + utf8Locale(), "TERM=" + bestTerm("xterm-256color"), "SHELL=/bin/sh"})
}

// utf8Locale is one the image has; small images lack C.UTF-8.
func utf8Locale() string {
	for _, l := range []string{"C.utf8", "C.UTF-8", "en_US.utf8", "en_US.UTF-8"} {
		if _, err := os.Stat(filepath.Join("/usr/lib/locale", l)); err == nil {
			return strings.Replace(l, "utf8", "UTF-8", 1)
		}
	}
	return "C.UTF-8"
}

// newTmuxSession opens a session whose pane runs the holder. Options are set in the same command, before the pane's
// program can depend on them.
func newTmuxSession(bin string, o order) error {
	self := quote(shim.Path)
	if exe, err := os.Executable(); err == nil {
		self = quote(exe)
	}
	name := o.State.Name
	args := []string{
		"start-server", ";",
		"set-option", "-g", "history-limit", "50000", ";",
		"set-option", "-g", "default-terminal", bestTerm("tmux-256color", "screen-256color", "screen"), ";",
		"set-option", "-g", "status", "off", ";",
		"set-option", "-s", "escape-time", "10", ";",
		"set-option", "-g", "focus-events", "on", ";",
		"set-option", "-g", "set-titles", "on", ";",
		// What a program says to the terminal goes the way of tmux, and then through package pane as where there is none. -q is
		// for a tmux that has no such option.
		"set-option", "-sq", "set-clipboard", "on", ";",
		"set-option", "-gq", "allow-passthrough", "off", ";",
		"set-option", "-sq", "terminal-features[100]", "*:clipboard:hyperlinks", ";",
		"new-session", "-d", "-s", tmuxName(name), "-x", strconv.Itoa(o.Start.Cols), "-y", strconv.Itoa(o.Start.Rows), "-c", "/",
		self + " session hold " + quote(name) + " " + string(shim.KindTmux), ";",
		"pipe-pane", "-t", "=" + tmuxName(name) + ":", self + " session log " + quote(name) + " '#{pane_tty}'",
	}
	return tmux(bin, args...)
}

// tmuxName is the session's name in tmux, where '.' and ':' separate windows and panes. '%' cannot be in our names,
// so that no two become one.
func tmuxName(name string) string { return strings.ReplaceAll(name, ".", "%") }

func killTmuxSession(bin, name string) { _ = tmux(bin, "kill-session", "-t", "="+tmuxName(name)) }

// quote makes a word for the shell that tmux starts its commands with.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// bestTerm is the first terminal type that the image's terminfo knows.
func bestTerm(wanted ...string) string {
	for _, t := range append(wanted, "xterm", "screen", "vt100") {
		for _, dir := range []string{"/usr/share/terminfo", "/lib/terminfo", "/etc/terminfo", "/usr/lib/terminfo"} {
			for _, sub := range []string{t[:1], fmt.Sprintf("%x", t[0])} {
				if _, err := os.Stat(filepath.Join(dir, sub, t)); err == nil {
					return t
				}
			}
		}
	}
	return wanted[0]
}
