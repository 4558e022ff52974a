package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hjk-ls": main})
}

// TestScripts drives the real command against a real engine, real git and real terminals.
func TestScripts(t *testing.T) {
	host := os.Getenv("HJK_TEST_DOCKER_HOST")
	if host == "" {
		t.Fatal("needs a container engine: run make test")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			for k, v := range map[string]string{
				"HOME": home, "DOCKER_HOST": host, "TEST_DOCKER_HOST": host, "TERM": "xterm-256color",
				"XDG_STATE_HOME": filepath.Join(home, "state"), "XDG_DATA_HOME": filepath.Join(home, "data"), "XDG_CONFIG_HOME": filepath.Join(home, "config"),
				"GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.com", "GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@example.com",
				"GIT_CONFIG_NOSYSTEM": "1",
			} {
				e.Setenv(k, v)
			}
			e.Values[terminals{}] = map[string]*terminal{}
			e.Values[clients{}] = map[string]*lspClient{}
			e.Defer(func() { cleanUp(t, host, e.WorkDir) })
			return os.MkdirAll(home, 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"repo": cmdRepo, "until": cmdUntil, "term": cmdTerm, "lsp": cmdLSP, "nothing-left": cmdNothingLeft,
		},
	})
}

func engineClient(host string) (*client.Client, error) {
	return client.NewClientWithOpts(client.WithHost(host), client.WithAPIVersionNegotiation())
}

// leftovers are the containers and volumes of repositories below dir.
func leftovers(host, dir string) (c *client.Client, containers, volumes []string, err error) {
	c, err = engineClient(host)
	if err != nil {
		return nil, nil, nil, err
	}
	f := filters.NewArgs(filters.Arg("label", "io.headjack.repo"))
	list, err := c.ContainerList(context.Background(), container.ListOptions{All: true, Filters: f})
	if err != nil {
		return c, nil, nil, err
	}
	for _, s := range list {
		if strings.HasPrefix(s.Labels["io.headjack.repo"], dir) {
			containers = append(containers, s.ID)
		}
	}
	vols, err := c.VolumeList(context.Background(), volume.ListOptions{Filters: f})
	if err != nil {
		return c, containers, nil, err
	}
	for _, v := range vols.Volumes {
		if strings.HasPrefix(v.Labels["io.headjack.repo"], dir) {
			volumes = append(volumes, v.Name)
		}
	}
	return c, containers, volumes, nil
}

func cleanUp(t *testing.T, host, dir string) {
	c, containers, volumes, err := leftovers(host, dir)
	if err != nil {
		t.Log(err)
		return
	}
	defer c.Close()
	for _, id := range containers {
		_ = c.ContainerRemove(context.Background(), id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	}
	for _, v := range volumes {
		_ = c.VolumeRemove(context.Background(), v, true)
	}
}

// cmdNothingLeft checks that no container, volume, worktree, state folder or lock is left of the script's instances.
func cmdNothingLeft(ts *testscript.TestScript, _ bool, _ []string) {
	c, containers, volumes, err := leftovers(ts.Getenv("TEST_DOCKER_HOST"), ts.Getenv("WORK"))
	ts.Check(err)
	defer c.Close()
	for _, pattern := range []string{"home/state/headjack/instances/*", "home/state/headjack/locks/*", "home/data/headjack/git/*"} {
		left, err := filepath.Glob(filepath.Join(ts.Getenv("WORK"), pattern))
		ts.Check(err)
		containers = append(containers, left...)
	}
	if left := append(containers, volumes...); len(left) > 0 {
		ts.Fatalf("left behind: %s", strings.Join(left, ", "))
	}
}

// cmdRepo makes a git repository of the script's folder NAME (default repo) and enters it.
func cmdRepo(ts *testscript.TestScript, _ bool, args []string) {
	dir := "repo"
	if len(args) > 0 {
		dir = args[0]
	}
	dir = ts.MkAbs(dir)
	ts.Check(os.MkdirAll(dir, 0o755))
	for _, git := range [][]string{
		{"init", "-q", "-b", "main", dir},
		{"-C", dir, "add", "-A"},
		{"-C", dir, "commit", "-q", "--allow-empty", "-m", "start"},
	} {
		ts.Check(ts.Exec("git", git...))
	}
	ts.Check(ts.Chdir(dir))
}

// patience bounds everything a script waits for.
const patience = 30 * time.Second

// cmdUntil runs a command until its output matches: until REGEXP COMMAND ARG…
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: until regexp command…")
	}
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	deadline := time.Now().Add(patience)
	for {
		err := ts.Exec(args[1], args[2:]...)
		out := ts.ReadFile("stdout") + ts.ReadFile("stderr")
		if re.MatchString(out) != neg && (err == nil || !neg) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q did not come; last output:\n%s", args[0], out)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
