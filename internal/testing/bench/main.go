// Command bench measures hjk-ls against what a person would type instead, in the same run, and writes
// docs/benchmarks.md. With names of cases it measures these alone, and prints them. Runs of the two alternate, so that what else the machine does hits both; figures are medians.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const rounds = 9

// row is one line of the result.
type row struct {
	what, ours, raw string
	ratio           float64
	reach           string
}

type bench struct {
	host, dir, bin string
	cli            string
	rows           []row
}

func main() {
	b := &bench{host: os.Getenv("HJK_TEST_DOCKER_HOST")}
	if b.host == "" {
		fmt.Fprintln(os.Stderr, "bench: needs a container engine: run make bench")
		os.Exit(1)
	}
	if err := b.run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run() (err error) {
	if b.dir, err = os.MkdirTemp("", "hjk-bench-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	if b.bin, err = filepath.Abs("bin/hjk-ls"); err != nil {
		return err
	}
	some := os.Args[1:]
	for _, c := range []struct {
		name string
		f    func() error
	}{
		{"start", b.start},
		{"instance", b.instance},
		{"exec", b.exec},
		{"dockerfile", b.dockerfile},
		{"builds", b.builds},
		{"saves", b.saves},
		{"list", b.list},
		{"crowd", b.crowd},
		{"terminals", b.terminals},
		{"forward", b.forward},
		{"idle", b.idle},
	} {
		if len(some) > 0 && !slices.Contains(some, c.name) {
			continue
		}
		if err := c.f(); err != nil {
			return err
		}
	}
	if len(some) > 0 {
		fmt.Print(b.report())
		return nil
	}
	return os.WriteFile("docs/benchmarks.md", []byte(b.report()), 0o644)
}

func (b *bench) report() string {
	var s strings.Builder
	s.WriteString("# Benchmarks\nWritten by `make bench`: medians of alternating runs against a private Docker 20.10 on a machine of two cores, whose other load is not\nknown; the ratios count. Ours is a request to a running server; raw is the commands named.\n\n| what | ours | raw | ratio | to reach |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range b.rows {
		ratio := ""
		if r.ratio > 0 {
			ratio = fmt.Sprintf("%.2f", r.ratio)
		}
		fmt.Fprintf(&s, "| %s | %s | %s | %s | %s |\n", r.what, r.ours, r.raw, ratio, r.reach)
	}
	return s.String()
}

// compare alternates ours and raw and adds a row.
func (b *bench) compare(what, reach string, n int, ours, raw func(i int) error) error {
	var a, r []time.Duration
	for i := range n {
		for _, side := range []struct {
			f func(int) error
			d *[]time.Duration
		}{{ours, &a}, {raw, &r}} {
			start := time.Now()
			if err := side.f(i); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			*side.d = append(*side.d, time.Since(start))
		}
	}
	x, y := median(a), median(r)
	b.rows = append(b.rows, row{what, ms(x), ms(y), float64(x) / float64(y), reach})
	fmt.Printf("%-60s %8s %8s %.2f\n", what, ms(x), ms(y), float64(x)/float64(y))
	return nil
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// sh runs a command of the raw alternative.
func (b *bench) sh(dir string, argv ...string) error {
	if argv[0] == "docker" {
		argv = append([]string{b.docker()}, argv[1:]...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+b.host, "DOCKER_BUILDKIT=1",
		"GIT_AUTHOR_NAME=B", "GIT_AUTHOR_EMAIL=b@example.com", "GIT_COMMITTER_NAME=B", "GIT_COMMITTER_EMAIL=b@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, out)
	}
	return nil
}

// docker is a Docker CLI that builds with BuildKit: newer ones need a plugin for that.
func (b *bench) docker() string {
	if b.cli == "" {
		b.cli = "docker"
		if exec.Command("docker", "buildx", "version").Run() != nil {
			b.cli = "/usr/bin/docker"
		}
	}
	return b.cli
}

// newRepo makes a repository with files of a few bytes.
func (b *bench) newRepo(name string, files int, dockerfile string) (string, error) {
	dir := filepath.Join(b.dir, name)
	for i := range files {
		path := filepath.Join(dir, "src", fmt.Sprint(i/500), fmt.Sprintf("f%d", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(fmt.Sprint(i)), 0o644); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if dockerfile != "" {
		if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
			return "", err
		}
	}
	for _, argv := range [][]string{{"git", "init", "-q", "-b", "main"}, {"git", "add", "-A"}, {"git", "commit", "-q", "--allow-empty", "-m", "start"}} {
		if err := b.sh(dir, argv...); err != nil {
			return "", err
		}
	}
	return dir, nil
}
