package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// refused checks that err is that nobody said an agent may work in the user's own checkout.
func (e *editor) refused(err error) {
	e.Helper()
	var wire *drive.Error
	if !errors.As(err, &wire) || wire.Data.Code != string(agents.CodeOwnCheckout) {
		e.Fatalf("not refused: %v", err)
	}
}

// runs runs a shell on a branch, and gives the instance.
func (e *editor) runs(a agents.RunArgs) agents.Instance {
	e.Helper()
	a.Image, a.Agent = "hjk-test/busybox:1", "shell"
	var res agents.RunResult
	must(e.T, e.Command("hjk-ls.run", a, &res))
	return res.Instance
}

// offers reports whether a Dockerfile has a lens.
func (e *editor) offers(uri, title string) bool {
	_, ok := e.lenses(uri)[title]
	return ok
}

// TestOwnCheckoutInTheEditor runs agents on branches that the user has checked out: an editor's user is asked where they are to
// work, once, and nothing works there before the answer.
func TestOwnCheckoutInTheEditor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sh("git branch main-agent") // its name is not free
	mine := filepath.Join(r.Dir, "mine")
	r.sh("git worktree add -q -b mine " + mine)
	e := r.edit(drive.Editor{})
	uri := e.open()
	if !e.offers(uri, "0 Run agent on a new branch…") {
		t.Errorf("lenses %v", e.lenses(uri))
	}

	e.refused(e.Command("hjk-ls.run", agents.RunArgs{Branch: "main"}, nil)) // the question is put away
	r.nothingLeft("nobody said yes")
	if e.questions() != 1 {
		t.Fatalf("%d questions", e.questions())
	}

	e.answers("On a New Branch")
	i := e.runs(agents.RunArgs{Branch: "main", Attach: true})
	if i.Branch != "main-agent-2" || !i.OwnsWorktree || i.Worktree == r.repo || r.sh("git rev-parse main-agent-2") != r.sh("git rev-parse main") {
		t.Errorf("on a new branch: %+v", i)
	}
	e.await("window/showMessage", "-- main-agent-2 shell")
	e.answers("Here")
	if i = e.runs(agents.RunArgs{Branch: "main"}); i.Worktree != r.repo || i.OwnsWorktree {
		t.Errorf("here: %+v", i)
	}
	asked := e.questions()
	e.answers("")
	e.runs(agents.RunArgs{Branch: "main", Session: "another"})
	if n := e.questions(); n != asked {
		t.Errorf("it was asked again for an instance that is there: %d", n-asked)
	}
	for !e.offers(uri, "0 Run agent on main") { // the instance that is there
		e.await("workspace/codeLens/refresh", "")
	}

	e.refused(e.Command("hjk-ls.run", agents.RunArgs{Branch: "mine"}, nil)) // a linked worktree of the user's own
	if _, err := os.Stat(filepath.Join(mine, ".git")); err != nil {
		t.Error(err)
	}
	var c agents.ChoicesResult
	must(t, e.Command("hjk-ls.choices", agents.ChoicesArgs{}, &c))
	for _, b := range c.Branches {
		if (b.Checkout == mine && b.NewBranch == "mine-agent") != (b.Name == "mine") {
			t.Errorf("choices: %+v", b)
		}
	}
	if i = e.runs(agents.RunArgs{Branch: "mine", Here: true}); i.Worktree != mine {
		t.Errorf("said by the request: %+v", i)
	}
	for _, b := range []string{"main", "main-agent-2", "mine"} {
		r.hjk("rm", b, "--force")
	}
	r.nothingLeft("in the end")
}

// TestInstanceComesToOwnCheckout has a user delete an agent's worktree and check its branch out: what would make the container
// anew would make it one of the user's own checkout.
func TestInstanceComesToOwnCheckout(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{})
	was := e.runs(agents.RunArgs{Branch: "x"})
	r.hjk("stop", "x")
	r.sh("git worktree remove --force " + was.Worktree + "; git switch -q x")
	e.refused(e.Command("hjk-ls.recreate", agents.RecreateArgs{Branch: "x"}, nil))
	e.refused(e.Command("hjk-ls.run", agents.RunArgs{Branch: "x"}, nil))
	if id := r.x().Container.ID; id != was.Container.ID {
		t.Errorf("the container is another: %s", id)
	}
	out, err := r.Cmd(r.repo, r.Bin, "run", "x", "--detach").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "the agent works in your own checkout "+r.repo) {
		t.Errorf("who names the branch means it: %v\n%s", err, out)
	}
	if i := r.x(); i.Worktree != r.repo || i.Container.ID == was.Container.ID {
		t.Errorf("%+v", i)
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}
