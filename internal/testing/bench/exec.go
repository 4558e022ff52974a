package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// exec measures a command in a container, by a running server and by the command line, and what passes through its streams.
func (b *bench) exec() error {
	dir, err := b.newRepo("exec", 50, "")
	if err != nil {
		return err
	}
	c, err := b.serve(dir)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.command("hjk-ls.run", fmt.Sprintf(`{"branch":"x","image":%q}`, image)); err != nil {
		return err
	}
	defer func() { _ = c.command("hjk-ls.remove", `{"branch":"x","force":true}`) }()
	if err := b.sh(dir, "docker", "run", "-d", "--name", "rawexec", image, "sleep", "1000"); err != nil {
		return err
	}
	defer func() { _ = b.sh(dir, "docker", "rm", "-f", "rawexec") }()
	raw := func(int) error { return b.sh(dir, "docker", "exec", "rawexec", "true") }
	err = b.compare("exec / `docker exec`", "1.1", 3*rounds,
		func(int) error { return c.command("hjk-ls.exec", `{"branch":"x","command":["true"]}`) }, raw)
	if err != nil {
		return err
	}
	err = b.compare("`hjk-ls exec` / `docker exec`", "1.1", 3*rounds, func(int) error { return b.inside(dir, os.DevNull, "true") }, raw)
	if err != nil {
		return err
	}
	big := filepath.Join(b.dir, "exec-input")
	if err := os.WriteFile(big, make([]byte, 200<<20), 0o600); err != nil {
		return err
	}
	return b.compare("200 MiB through `hjk-ls exec -- cat` / `docker exec -i … cat`", "", 5,
		func(int) error { return b.inside(dir, big, "cat") },
		func(int) error { return b.sh(dir, "sh", "-c", b.docker()+" exec -i rawexec cat <"+big+" >/dev/null") })
}

// inside runs a command of the command line's exec.
func (b *bench) inside(dir, input string, argv ...string) error {
	in, err := os.Open(input)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	cmd := (&drive.Rig{Dir: b.dir, Bin: b.bin, Host: b.host}).Cmd(dir, b.bin, append([]string{"exec", "x", "--"}, argv...)...)
	cmd.Stdin = in
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("exec: %w: %s", err, said.String())
	}
	return nil
}
