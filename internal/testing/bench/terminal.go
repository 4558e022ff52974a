package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/creack/pty"
)

// loud prints lines of 8 bytes, which every image has a program for.
const (
	loud  = "seq 1000000 3000000"
	flood = "16 MB"
)

// terminals measures how fast a program can print through a session, against the engine's own terminal.
func (b *bench) terminals() error {
	dir, err := b.newRepo("loud", 3, "")
	if err != nil {
		return err
	}
	conf := fmt.Sprintf("agents: {loud: {command: [sh, -c, %q]}, asked: {command: [sh, -c, %q]}}\n", loud, "read x; "+loud)
	if err := os.WriteFile(filepath.Join(dir, ".headjack.yaml"), []byte(conf), 0o644); err != nil {
		return err
	}
	c, err := b.serve(dir)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.command("hjk-ls.run", fmt.Sprintf(`{"branch":"pty","image":%q,"agent":"shell"}`, image)); err != nil {
		return err
	}
	if err := b.sh(dir, "docker", "run", "-d", "--name", "loud-pty", image, "sleep", "10000"); err != nil {
		return err
	}
	defer func() {
		_ = c.command("hjk-ls.remove", `{"branch":"pty","force":true}`)
		_ = b.sh(dir, "docker", "rm", "-f", "loud-pty")
	}()
	err = b.compare(flood+" through a session that nobody watches / `docker exec -t`", "", 5,
		func(i int) error {
			name := fmt.Sprintf("l%d", i)
			if err := c.command("hjk-ls.run", fmt.Sprintf(`{"branch":"pty","agent":"loud","session":%q}`, name)); err != nil {
				return err
			}
			return b.ended("pty", name)
		},
		func(int) error { return b.inTerminal(dir, "", b.docker(), "exec", "-t", "loud-pty", "sh", "-c", loud) })
	if err != nil {
		return err
	}
	return b.compare(flood+" through a session with a viewer / `docker exec -it`", "", 5,
		func(i int) error {
			name := fmt.Sprintf("v%d", i)
			if err := c.command("hjk-ls.run", fmt.Sprintf(`{"branch":"pty","agent":"asked","session":%q}`, name)); err != nil {
				return err
			}
			return errors.Join(b.inTerminal(dir, "\r", b.bin, "attach", "--exit-zero", "pty", name), b.ended("pty", name))
		},
		func(int) error {
			return b.inTerminal(dir, "\r", b.docker(), "exec", "-it", "loud-pty", "sh", "-c", "read x; "+loud)
		})
}

// inTerminal runs a command in a terminal that is read to its end; keys are typed as soon as it shows something or a moment
// has passed.
func (b *bench) inTerminal(dir, keys string, argv ...string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "DOCKER_HOST="+b.host, "HOME="+b.dir, "XDG_STATE_HOME="+b.dir+"/state",
		"XDG_DATA_HOME="+b.dir+"/data", "XDG_CONFIG_HOME="+b.dir+"/config")
	t, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 120, Rows: 40})
	if err != nil {
		return err
	}
	defer func() { _ = t.Close() }()
	if keys != "" {
		timer := time.AfterFunc(500*time.Millisecond, func() { _, _ = t.WriteString(keys) })
		defer timer.Stop()
	}
	_, _ = io.Copy(io.Discard, t) // ends with an error, as terminals do
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
	}
	return nil
}

// ended waits for the end of a session.
func (b *bench) ended(branch, session string) error {
	for range 6000 {
		files, _ := filepath.Glob(filepath.Join(b.dir, "state/headjack/instances/hjk-"+branch+"-*/run/sessions", session, "state.json"))
		if len(files) == 1 {
			if text, err := os.ReadFile(files[0]); err == nil && strings.Contains(string(text), `"exited"`) {
				return nil
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("session %s of %s does not end", session, branch)
}
