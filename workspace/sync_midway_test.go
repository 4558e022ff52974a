package workspace

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sides are the two gits of one worktree.
type sides struct {
	t    *testing.T
	p    *Private
	tree string
	env  []string
}

func newSides(t *testing.T) *sides {
	t.Helper()
	p, tree, env := agentGit(t)
	return &sides{t, p, tree, env}
}

// out runs a script with git as the host has it, in as the container has it.
func (s *sides) out(script string) string { s.t.Helper(); return s.run(os.Environ(), script) }

func (s *sides) in(script string) string {
	s.t.Helper()
	return s.run(append(os.Environ(), s.env...), script)
}

func (s *sides) run(env []string, script string) string {
	s.t.Helper()
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir, cmd.Env = s.tree, env
	var said bytes.Buffer
	cmd.Stderr = &said // git also says there that what is borrowed is not at its place here
	b, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s%s", script, err, b, &said)
	}
	return strings.TrimSpace(string(b))
}

func (s *sides) sync(state string) {
	s.t.Helper()
	if rep, err := s.p.SyncAnew(s.t.Context()); err != nil || rep.State != state {
		s.t.Errorf("%+v %v, want %s", rep, err, state)
	}
}

// fork makes a commit on the branch whose content conflicts with that of branch base.
const fork = "echo 1 >f; git add f; git commit -qm one; git branch base; echo 2 >f; git commit -qam two; " +
	"git switch -q base; echo 3 >f; git commit -qam three; git switch -q b"

// TestRebaseInside has the host commit while the agent is in the middle of a rebase: neither its end nor its abortion, which
// puts the branch back, takes the host's commit away.
func TestRebaseInside(t *testing.T) {
	for end, want := range map[string]string{"git rebase --abort": Synced, "git add f; GIT_EDITOR=true git rebase --continue": Diverged} {
		s := newSides(t)
		s.in(fork)
		s.sync(Synced)
		s.in("git rebase -q base || true")
		s.out("echo x >g; git add g; git commit -qm outside -- g")
		s.sync(Held)
		s.in(end)
		s.sync(want)
		if got := s.out("git log -1 --format=%s"); got != "outside" {
			t.Errorf("%s: the host has %q", end, got)
		}
	}
}

// TestMergeInside has the host commit while the agent is in the middle of a merge, which would take the host's changes back.
func TestMergeInside(t *testing.T) {
	for end, want := range map[string]string{"git merge --abort": Synced, "git add f; git commit -qm merged": Diverged} {
		s := newSides(t)
		s.in(fork)
		s.sync(Synced)
		s.in("git merge -q base || true")
		s.out("echo x >g; git add g; git commit -qm outside -- g")
		s.sync(Held)
		before, _ := s.p.Stamp()
		s.in(end)
		if after, _ := s.p.Stamp(); after == before {
			t.Errorf("%s: nobody sees it", end)
		}
		s.sync(want)
		if got := s.out("git show HEAD:g"); got != "x" {
			t.Errorf("%s: the host has %q", end, got)
		}
	}
}

// TestMergeOutside has the agent commit while the user is in the middle of a merge in the worktree.
func TestMergeOutside(t *testing.T) {
	for end, want := range map[string]string{"git merge --abort": Synced, "git add f; git commit -qm merged": Diverged} {
		s := newSides(t)
		s.out(fork)
		s.sync(Synced)
		s.out("git merge -q base || true")
		s.in("echo x >g; git add g; git commit -qm inside -- g")
		s.sync(Held)
		if got := s.out("git ls-files --unmerged f"); got == "" {
			t.Errorf("the merge is gone")
		}
		s.out(end)
		s.sync(want)
	}
}

// TestOtherBranchInside has the host move and delete branches that are checked out inside.
func TestOtherBranchInside(t *testing.T) {
	s := newSides(t)
	s.out("git branch other; git branch third")
	s.sync(Synced)
	s.in("git switch -q other; git worktree add -q ../third third")
	s.out("id=$(git hash-object -w --stdin </dev/null); new=$(printf '100644 blob %s\\tq\\n' $id | git mktree); " +
		"git update-ref refs/heads/other $(git commit-tree -p other -m far $new); git branch -q -D third")
	s.sync(Synced)
	if got := s.in("git diff --cached --name-only; git -C ../third rev-parse --verify -q HEAD >/dev/null || echo third"); got != "" {
		t.Errorf("inside %s", got)
	}
	s.in("git switch -q b; rm -r ../third; git worktree prune")
	s.sync(Synced)
	if got := s.in("git log -1 --format=%s other; git branch --list third"); got != "far" {
		t.Errorf("inside %s", got)
	}
}

// TestStaged has each side commit what the other has staged otherwise: that alone is kept.
func TestStaged(t *testing.T) {
	for _, inside := range []bool{true, false} {
		s := newSides(t)
		one, other := s.in, s.out
		if inside {
			one, other = s.out, s.in
		}
		one("echo 1 >f; echo 1 >g; echo 1 >h; git add f g h; git commit -qm one")
		s.sync(Synced)
		other("echo 2 >f; echo n >n; git add f n")
		one("echo 3 >f; echo 3 >g; rm h; echo i >i; git add f g h i; git commit -qm two")
		s.sync(Synced)
		if got := other("git diff --cached --name-only"); got != "f\nn" {
			t.Errorf("inside %v: staged is %s", inside, got)
		}
	}
}

// TestIndexFormats has git inside keep its index as it likes.
func TestIndexFormats(t *testing.T) {
	for _, flags := range []string{"--split-index", "--index-version 4 --untracked-cache"} {
		s := newSides(t)
		s.in("echo 1 >f; git add f; git commit -qm one; git update-index " + flags + "; echo 2 >f; git commit -qam two")
		s.sync(Synced)
		s.out("echo x >g; git add g; git commit -qm outside")
		s.sync(Synced)
		if got := s.in("git status --porcelain"); got != "" {
			t.Errorf("%s: inside %s", flags, got)
		}
	}
}

// TestHostGoesBack has the user take commits back before the agent goes on from them.
func TestHostGoesBack(t *testing.T) {
	s := newSides(t)
	s.in("git commit -q --allow-empty -m one; git commit -q --allow-empty -m two")
	s.sync(Synced)
	s.out("git reset -q --hard HEAD~1")
	s.in("git commit -q --allow-empty -m three")
	s.sync(Diverged)
	if got := s.out("git log -1 --format=%s"); got != "one" {
		t.Errorf("the host has %q", got)
	}
}

// TestHostCommitsDuringSync commits on the host before each of the git commands that a sync of an agent's commit runs.
func TestHostCommitsDuringSync(t *testing.T) {
	for at := 1; ; at++ {
		s := newSides(t)
		m := newMeddler(t, s.p, []string{"GIT_DIR=" + s.p.tree.GitDir, "GIT_WORK_TREE=" + s.tree})
		s.in("git commit -q --allow-empty -m inside")
		rep, calls := m.sync(at)
		if calls < at {
			if at < 5 {
				t.Fatalf("a sync of a commit ran %d commands of git", calls)
			}
			return
		}
		if rep.State == Held {
			t.Errorf("commit at %d: %+v", at, rep)
		}
		s.out("git merge -q --no-edit " + Namespace("hjk-b") + "heads/b 2>/dev/null || true") // where both have moved
		s.sync(Synced)
		s.out(fmt.Sprintf("git log --format=%%s | grep -qx inside; git log --format=%%s | grep -qx 'during %d'", at))
	}
}

// TestIndexOfAKilledSync has both sides go on where a sync was killed before it moved an index.
func TestIndexOfAKilledSync(t *testing.T) {
	for _, inside := range []bool{true, false} {
		s := newSides(t)
		one, other, index := s.in, s.out, filepath.Join(s.p.tree.GitDir, indexFile)
		if inside {
			one, other, index = s.out, s.in, filepath.Join(s.p.agent(), indexFile)
		}
		one("echo 1 >f; echo 1 >g; git add f g; git commit -qm one")
		s.sync(Synced)
		one("echo 2 >f; git commit -qam two")
		undo := keep(t, index, s.p.statePath())
		s.sync(Synced)
		undo()
		one("echo 3 >g; git commit -qam three")
		s.sync(Synced)
		if got := other("git status --porcelain"); got != "" {
			t.Errorf("inside %v: %s", inside, got)
		}
	}
}

// keep gives what puts files back as they are now.
func keep(t *testing.T, files ...string) (undo func()) {
	t.Helper()
	was := map[string][]byte{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		was[file] = b
	}
	return func() {
		for file, b := range was {
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestStashes has the agent stash more than once: git has no reference of the older ones.
func TestStashes(t *testing.T) {
	s := newSides(t)
	s.in("echo 0 >f; git add f; git commit -qm f; for i in 1 2 3; do echo $i >f; git stash push -q; done")
	s.sync(Synced)
	ns := Namespace("hjk-b")
	if got := s.out("git show " + ns + "stash:f " + ns + "stash-1:f " + ns + "stash-2:f"); got != "3\n2\n1" {
		t.Errorf("the host has %s", got)
	}
	u, err := s.p.repo.Unsaved(t.Context(), s.p.tree, "hjk-b")
	if err != nil || !u.Lost() {
		t.Errorf("%+v %v", u, err)
	}
	s.in("git stash drop -q")
	s.sync(Synced)
	if got := s.out("git for-each-ref --format='%(refname)' '" + ns + "'; git show " + ns + "stash-1:f"); got != ns+"stash\n"+ns+"stash-1\n1" {
		t.Errorf("the host has %s", got)
	}
}

// TestCommitOutsideIsOpen has the user's editor of a commit open, which keeps the index locked, in a checkout that is not ours.
func TestCommitOutsideIsOpen(t *testing.T) {
	s := newSides(t)
	s.p.tree.Owned = false
	lock := filepath.Join(s.p.tree.GitDir, indexFile+".lock")
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.in("echo 1 >f; git add f; git commit -qm inside")
	s.sync(Held)
	if got := s.out("git log -1 --format=%s"); got == "inside" {
		t.Errorf("the branch was moved under the commit")
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	s.sync(Synced)
	if got := s.out("git log -1 --format=%s; git status --porcelain"); got != "inside" {
		t.Errorf("the host has %q", got)
	}
}

// TestBranchOfAnyBytes has the agent make a branch whose name JSON cannot have, and delete it.
func TestBranchOfAnyBytes(t *testing.T) {
	s := newSides(t)
	const name = "caf\xe9"
	s.in("git branch '" + name + "' $(git commit-tree -m own -p HEAD HEAD^{tree})")
	s.sync(Synced)
	own := func() string { return s.out("git for-each-ref --format='%(refname)' " + Namespace("hjk-b")) }
	if got := own(); got != Namespace("hjk-b")+"heads/"+name {
		t.Errorf("the host has %q", got)
	}
	st, err := s.p.load(t.Context())
	if err != nil || st.Published["refs/heads/"+name] == "" {
		t.Errorf("it is known as %q %v", st.Published, err)
	}
	s.in("git branch -q -D '" + name + "'")
	s.sync(Synced)
	if got := own(); got != "" {
		t.Errorf("the host still has %q", got)
	}
}
