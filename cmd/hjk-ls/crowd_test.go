package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func run(c *drive.Client, branch string) (agents.RunResult, error) {
	var res agents.RunResult
	err := c.Command("hjk-ls.run", agents.RunArgs{Branch: branch}, &res)
	return res, err
}

// TestCrowdOnOneBranch runs many agents on one branch at once, from servers and from the command line: one container, and
// as many sessions, each listed, attachable and killable.
func TestCrowdOnOneBranch(t *testing.T) {
	r := newRig(t)
	servers := []*drive.Client{r.serve(), r.serve()}
	const crowd = 12
	together(crowd, func(i int) {
		var err error
		if i%3 == 2 {
			_, err = r.Hjk(r.repo, "run", "x", "--detach")
		} else {
			_, err = run(servers[i%3], "x")
		}
		if err != nil {
			t.Error(err)
		}
	})
	x := r.x()
	names := map[string]bool{}
	for _, s := range x.Sessions {
		names[s.Name] = s.State == "running"
	}
	if len(names) != crowd || x.State != "running" {
		t.Fatalf("%d sessions of %d: %+v", len(names), crowd, x)
	}
	if containers, _, err := drive.Leftovers(r.Host, r.Dir); err != nil || len(containers) != 1 {
		t.Fatalf("containers: %v %v", containers, err)
	}
	together(crowd, func(i int) {
		name := x.Sessions[i].Name
		var at agents.AttachResult
		if err := servers[i%2].Command("hjk-ls.attach", agents.SessionArgs{Branch: "x", Session: name}, &at); err != nil || at.Session != name {
			t.Errorf("attach %s: %+v %v", name, at, err)
			return
		}
		// A real terminal: script(1) gives the command one, and ^] d or the end of the session gives it back.
		cmd := r.Cmd(r.repo, "script", "-qec", quote(at.Argv), "/dev/null")
		cmd.Stdin = strings.NewReader(fmt.Sprintf("echo attached-$((40+2))-%d; exit 7\n", i))
		if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 7 || !strings.Contains(string(out), fmt.Sprintf("attached-42-%d", i)) {
			t.Errorf("attached to %s: %v\n%s", name, err, out)
		}
	})
	together(crowd, func(int) {
		if _, err := run(servers[0], "x"); err != nil {
			t.Error(err)
		}
	})
	var running []string // some have the names of ended ones
	for _, s := range r.x().Sessions {
		if s.State == "running" {
			running = append(running, s.Name)
		}
	}
	if len(running) != crowd {
		t.Fatalf("%d sessions run of %d", len(running), crowd)
	}
	together(crowd, func(i int) { r.hjk("kill", "x", running[i]) })
	for _, s := range r.x().Sessions {
		if s.State != "exited" {
			t.Errorf("%s was killed and is %s", s.Name, s.State)
		}
	}
	r.hjk("rm", "x", "--delete-branch")
	r.nothingLeft("after the crowd")
}

// quote makes a shell's command line of argv.
func quote(argv []string) string {
	var words []string
	for _, a := range argv {
		words = append(words, "'"+strings.ReplaceAll(a, "'", `'\''`)+"'")
	}
	return strings.Join(words, " ")
}

// TestTwentyBranchesAtOnce spreads them over four processes.
func TestTwentyBranchesAtOnce(t *testing.T) {
	r := newRig(t)
	servers := []*drive.Client{r.serve(), r.serve()}
	together(20, func(i int) {
		branch := fmt.Sprintf("b/%d", i)
		var err error
		if i%4 >= 2 {
			_, err = r.Hjk(r.repo, "run", branch, "--detach")
		} else {
			_, err = run(servers[i%4], branch)
		}
		if err != nil {
			t.Error(err)
		}
	})
	all, err := r.Instances(r.repo)
	if err != nil || len(all) != 20 {
		t.Fatalf("%d instances: %v", len(all), err)
	}
	for _, i := range all {
		if i.State != "running" || len(i.Sessions) != 1 {
			t.Errorf("%+v", i)
		}
	}
	together(20, func(i int) { r.hjk("rm", fmt.Sprintf("b/%d", i), "--delete-branch") })
	r.nothingLeft("after twenty")
	if got := r.sh("git branch"); got != "* main" {
		t.Fatal(got)
	}
}

// TestEverythingAtOnce does all that changes an instance at the same time: each ends with a result or a clear error, and
// what is left is whole.
func TestEverythingAtOnce(t *testing.T) {
	r := newRig(t)
	s := r.serve()
	expected := []string{"instance_not_found", "worktree_failed", "instance_stopped"}
	for range 5 {
		together(12, func(i int) {
			verb := []string{"run", "stop", "recreate", "remove"}[i%4]
			args := map[string]any{"branch": "x"}
			err := s.Command("hjk-ls."+verb, args, nil)
			var e *drive.Error
			if err != nil && (!asError(err, &e) || !slices.Contains(expected, e.Data.Code)) {
				t.Errorf("%s: %v", verb, err)
			}
		})
		r.hjk("run", "x", "--detach")
		if x := r.x(); x.State != "running" {
			t.Fatalf("%+v", x)
		}
		if containers, _, err := drive.Leftovers(r.Host, r.Dir); err != nil || len(containers) != 1 {
			t.Fatalf("containers: %v %v", containers, err)
		}
	}
	r.hjk("rm", "x")
	r.nothingLeft("after everything at once")
}

func asError(err error, e **drive.Error) bool {
	return errors.As(err, e)
}
