package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
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
	podman, err := drive.IsPodman(host)
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Condition: func(cond string) (bool, error) { // where Podman differs for a reason that is not hjk-ls's
			switch cond {
			case "podman":
				return podman, nil
			case "rootless": // it is that of whoever runs the tests
				return podman && os.Getuid() != 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
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
			source, err := drive.Source()
			if err != nil {
				return err
			}
			e.Setenv("SOURCE", source)
			e.Values[terminals{}] = map[string]*terminal{}
			e.Values[clients{}] = map[string]*lspClient{}
			e.Defer(func() {
				if err := drive.CleanUp(host, e.WorkDir); err != nil {
					t.Log(err)
				}
			})
			return os.MkdirAll(home, 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"repo": cmdRepo, "until": cmdUntil, "term": cmdTerm, "lsp": cmdLSP, "nothing-left": cmdNothingLeft,
			"inside": cmdInside, "tree": cmdTree, "code": cmdCode,
		},
	})
}

// cmdNothingLeft checks that no container, volume, worktree, state folder or lock is left of the script's instances.
func cmdNothingLeft(ts *testscript.TestScript, _ bool, _ []string) {
	work := ts.Getenv("WORK")
	left, volumes, err := drive.Leftovers(ts.Getenv("TEST_DOCKER_HOST"), work)
	ts.Check(err)
	kept, err := drive.Kept(work+"/home/data", work+"/home/state")
	ts.Check(err)
	if left = append(append(left, volumes...), kept...); len(left) > 0 {
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

// cmdInside runs a shell script in the container of a branch, in its worktree, as its sessions' user: inside BRANCH SCRIPT.
func cmdInside(ts *testscript.TestScript, neg bool, args []string) {
	script := `c=$(docker ps -q --filter "label=io.headjack.branch=$1" --filter "label=io.headjack.repo=$(git rev-parse --path-format=absolute --git-common-dir | sed s,/.git$,,)"); shift
dir=$(docker inspect -f '{{index .Config.Labels "io.headjack.worktree"}}' $c); user=$(docker inspect -f '{{index .Config.Labels "io.headjack.user"}}' $c)
exec docker exec -u $user -w "$dir" $c bash -c "$1"`
	err := ts.Exec("sh", "-c", script, "sh", args[0], args[1])
	if (err != nil) != neg {
		ts.Fatalf("inside: %v", err)
	}
}

// cmdTree runs a shell script on the host in the worktree of a branch: tree BRANCH SCRIPT.
func cmdTree(ts *testscript.TestScript, neg bool, args []string) {
	script := `cd "$(git worktree list --porcelain | grep -B2 -xF "branch refs/heads/$1" | sed -n 's/^worktree //p')" && ` + args[1]
	err := ts.Exec("sh", "-c", script, "sh", args[0])
	if (err != nil) != neg {
		ts.Fatalf("tree: %v", err)
	}
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
