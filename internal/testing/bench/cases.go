package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const image = "hjk-test/busybox:1"

// start measures a server from its start to the answer to initialize, and its memory when idle.
func (b *bench) start() error {
	dir, err := b.newRepo("idle", 3, "")
	if err != nil {
		return err
	}
	var all []time.Duration
	rss := ""
	for range rounds {
		begin := time.Now()
		c, err := b.serve(dir)
		if err != nil {
			return err
		}
		all = append(all, time.Since(begin))
		rss = c.memory()
		if err := c.Close(); err != nil {
			return err
		}
	}
	b.rows = append(b.rows, row{"start to `initialize` answered", ms(median(all)), "", 0, "15 ms"}, row{"resident after `initialize`", rss, "", 0, "35 MB"})
	return nil
}

// instance measures run and stop on an image.
func (b *bench) instance() error {
	dir, err := b.newRepo("run", 200, "")
	if err != nil {
		return err
	}
	c, err := b.serve(dir)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	raw := filepath.Join(b.dir, "raw")
	err = b.compare("run on an image / `git worktree add` + `docker run -d`", "1.1", rounds,
		func(i int) error {
			return c.command("hjk-ls.run", fmt.Sprintf(`{"branch":"o%d","image":%q}`, i, image))
		},
		func(i int) error {
			wt := filepath.Join(raw, fmt.Sprint(i))
			if err := b.sh(dir, "git", "worktree", "add", "-q", "-b", fmt.Sprintf("r%d", i), wt); err != nil {
				return err
			}
			return b.sh(dir, "docker", "run", "-d", "--name", fmt.Sprintf("raw%d", i), "-v", wt+":"+wt, image, "sleep", "1000")
		})
	if err != nil {
		return err
	}
	for i := range rounds {
		_ = b.sh(dir, "docker", "rm", "-f", fmt.Sprintf("raw%d", i))
		if err := b.sh(dir, "docker", "run", "-d", "--init", "--name", fmt.Sprintf("init%d", i), image, "sleep", "1000"); err != nil {
			return err
		}
	}
	err = b.compare("stop / `docker stop` (a shell, a `sleep` with `--init`)", "1.0", rounds,
		func(i int) error { return c.command("hjk-ls.stop", fmt.Sprintf(`{"branch":"o%d"}`, i)) },
		func(i int) error { return b.sh(dir, "docker", "stop", fmt.Sprintf("init%d", i)) })
	for i := range rounds {
		_ = c.command("hjk-ls.remove", fmt.Sprintf(`{"branch":"o%d","force":true}`, i))
		_ = b.sh(dir, "docker", "rm", "-f", fmt.Sprintf("init%d", i))
	}
	return err
}

// dockerfile measures from a Dockerfile that was built before to a running container.
func (b *bench) dockerfile() error {
	dir, err := b.newRepo("warm", 50, "FROM "+image+"\nRUN echo built > /built\n")
	if err != nil {
		return err
	}
	c, err := b.serve(dir)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	err = b.compare("Dockerfile to container, warm / `docker build` + `docker run -d`", "1.0", rounds,
		func(i int) error { return c.command("hjk-ls.run", fmt.Sprintf(`{"branch":"w%d"}`, i)) },
		func(i int) error {
			if err := b.sh(dir, "docker", "build", "-q", "-t", "raw-warm", "."); err != nil {
				return err
			}
			return b.sh(dir, "docker", "run", "-d", "--name", fmt.Sprintf("warm%d", i), "raw-warm", "sleep", "1000")
		})
	for i := range rounds {
		_ = c.command("hjk-ls.remove", fmt.Sprintf(`{"branch":"w%d","force":true}`, i))
		_ = b.sh(dir, "docker", "rm", "-f", fmt.Sprintf("warm%d", i))
	}
	return err
}

// builds measures rebuilds with nothing and with one file changed.
func (b *bench) builds() error {
	for _, files := range []int{5, 20000} {
		dir, err := b.newRepo(fmt.Sprintf("build%d", files), files, "FROM "+image+"\nCOPY . /src\n")
		if err != nil {
			return err
		}
		c, err := b.serve(dir)
		if err != nil {
			return err
		}
		build := func(int) error { return c.command("hjk-ls.build", `{}`) }
		docker := func(int) error { return b.sh(dir, "docker", "build", "-q", "-t", "raw-build", ".") }
		if err := build(0); err != nil {
			return err
		}
		if err := docker(0); err != nil {
			return err
		}
		name := fmt.Sprintf("build, nothing changed, %d files / `docker build`", files)
		if err := b.compare(name, "0.6", rounds, build, docker); err != nil {
			return err
		}
		touch := func(side string, f func(int) error) func(int) error {
			return func(i int) error {
				if err := os.WriteFile(filepath.Join(dir, "src", "0", "f1"), []byte(side+fmt.Sprint(i)), 0o644); err != nil {
					return err
				}
				return f(i)
			}
		}
		name = fmt.Sprintf("build, one file changed, %d files / `docker build`", files)
		if err := b.compare(name, "", 5, touch("o", build), touch("r", docker)); err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}

// list measures listing a hundred instances.
func (b *bench) list() error {
	dir, err := b.newRepo("many", 3, "")
	if err != nil {
		return err
	}
	c, err := b.serve(dir)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	each := func(f func(i int) error) error {
		for i := range 100 {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	}
	run := func(i int) error {
		return c.command("hjk-ls.run", fmt.Sprintf(`{"branch":"m%d","image":%q,"agent":"sleeper"}`, i, image))
	}
	conf := "agents: {sleeper: {command: [sleep, '100000']}}\n"
	if err := os.WriteFile(filepath.Join(dir, ".headjack.yaml"), []byte(conf), 0o644); err != nil {
		return err
	}
	if err := each(run); err != nil {
		return err
	}
	err = b.compare("list of 100 instances / `docker ps -a`", "1.0", 3*rounds,
		func(int) error { return c.command("hjk-ls.list", `{}`) },
		func(int) error { return b.sh(dir, "docker", "ps", "-a") })
	_ = each(func(i int) error { return c.command("hjk-ls.remove", fmt.Sprintf(`{"branch":"m%d","force":true}`, i)) })
	return err
}

// crowd measures eight branches at once.
func (b *bench) crowd() error {
	dir, err := b.newRepo("crowd", 50, "")
	if err != nil {
		return err
	}
	c, err := b.serve(dir)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	together := func(f func(i int) error) error {
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range 8 {
			wg.Go(func() { errs[i] = f(i) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
	err = b.compare("eight branches at once / eight `docker run -d` at once, after eight `git worktree add`", "", 3,
		func(n int) error {
			return together(func(i int) error {
				return c.command("hjk-ls.run", fmt.Sprintf(`{"branch":"c%d-%d","image":%q}`, n, i, image))
			})
		},
		func(n int) error {
			for i := range 8 { // one after the other: git is not safe beside itself here
				wt := filepath.Join(b.dir, "crowdraw", fmt.Sprint(n, "-", i))
				if err := b.sh(dir, "git", "worktree", "add", "-q", "-b", fmt.Sprintf("x%d-%d", n, i), strings.ReplaceAll(wt, " ", "")); err != nil {
					return err
				}
			}
			return together(func(i int) error {
				return b.sh(dir, "docker", "run", "-d", "--name", fmt.Sprintf("crowd%d-%d", n, i), image, "sleep", "1000")
			})
		})
	for n := range 3 {
		for i := range 8 {
			_ = c.command("hjk-ls.remove", fmt.Sprintf(`{"branch":"c%d-%d","force":true}`, n, i))
			_ = b.sh(dir, "docker", "rm", "-f", fmt.Sprintf("crowd%d-%d", n, i))
		}
	}
	return err
}
