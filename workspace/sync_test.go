package workspace

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// agentGit is a private git directory with a git that works in it as the container's does.
func agentGit(t *testing.T) (p *Private, tree string, env []string) {
	t.Helper()
	r, o := newRepo(t, "p [1")
	e := ensure(t, r, o, "b")
	p = r.Private(e.Worktree, filepath.Join(t.TempDir(), "git"), "hjk-b")
	if _, err := p.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	env = []string{"GIT_DIR=" + p.agent(), "GIT_WORK_TREE=" + e.Path, "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + filepath.Join(r.CommonDir, "objects")}
	return p, e.Path, env
}

// meddler is a git in front of git that counts its calls and, before one of them, commits inside.
type meddler struct {
	t    *testing.T
	p    *Private
	dir  string
	real string
}

func newMeddler(t *testing.T, p *Private, env []string) *meddler {
	t.Helper()
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	m := &meddler{t, p, t.TempDir(), real}
	m.write("git", fmt.Sprintf(`#!/bin/sh
n=$(($(cat %[1]s/n) + 1)); echo $n >%[1]s/n
if [ $n = "$(cat %[1]s/at)" ]; then env '%[3]s' %[2]s commit -q --allow-empty -m "during $n"; fi
exec %[2]s "$@"
`, m.dir, real, strings.Join(env, "' '")))
	return m
}

func (m *meddler) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

// sync syncs, when nothing has happened for a while, and commits inside before the call of this number, if there is one.
func (m *meddler) sync(at int) (rep Report, calls int) {
	m.t.Helper()
	time.Sleep(50 * time.Millisecond)
	m.write("n", "0")
	m.write("at", strconv.Itoa(at))
	path := os.Getenv("PATH")
	m.t.Setenv("PATH", m.dir+":"+path)
	rep, err := m.p.Sync(m.t.Context())
	m.t.Setenv("PATH", path)
	if err != nil {
		m.t.Fatalf("commit at %d: %v", at, err)
	}
	b, err := os.ReadFile(filepath.Join(m.dir, "n"))
	if err != nil {
		m.t.Fatal(err)
	}
	calls, _ = strconv.Atoi(strings.TrimSpace(string(b)))
	return rep, calls
}

// rests asks that syncs come to an end of their work.
func (m *meddler) rests(state string) {
	m.t.Helper()
	for range 3 {
		m.sync(0)
	}
	if rep, calls := m.sync(0); calls != 0 || rep.State != state {
		m.t.Errorf("a sync of nothing ran %d commands of git: %+v", calls, rep)
	}
}

// TestCommitDuringSync commits inside before each of the git commands that a sync runs, one sync after the other: whatever
// the moment, the next sync brings the commit over.
func TestCommitDuringSync(t *testing.T) {
	s := newSides(t)
	p, tree := s.p, s.tree
	m := newMeddler(t, p, s.env)
	for at := 1; ; at++ {
		s.in("git commit -q --allow-empty -m before")
		if _, calls := m.sync(at); calls < at { // no commit was made
			if at < 5 {
				t.Fatalf("a sync of a commit ran %d commands of git", calls)
			}
			break
		}
		m.sync(0)
		if got, want := sh(t, tree, "git", "log", "-1", "--format=%s"), fmt.Sprintf("during %d", at); got != want {
			t.Fatalf("the host has %q, want %q", got, want)
		}
	}
	m.rests(Synced)
}

// TestSyncOfTheDivergedRests has both sides move: what a sync tells the container of it once is not told again.
func TestSyncOfTheDivergedRests(t *testing.T) {
	s := newSides(t)
	p, tree := s.p, s.tree
	m := newMeddler(t, p, s.env)
	s.in("git commit -q --allow-empty -m inside")
	sh(t, tree, "git", "commit", "-q", "--allow-empty", "-m", "outside")
	m.rests(Diverged)
}

// TestReferenceWrittenInPlace is what SyncAnew is for.
func TestReferenceWrittenInPlace(t *testing.T) {
	s := newSides(t)
	p, tree := s.p, s.tree
	s.in("git commit -q --allow-empty -m one")
	id := s.in("git commit-tree -p HEAD -m two 'HEAD^{tree}'")
	newMeddler(t, p, s.env).rests(Synced)
	s.in("git update-ref --create-reflog refs/heads/b HEAD") // a file of its own
	newMeddler(t, p, s.env).rests(Synced)
	f, err := os.OpenFile(filepath.Join(p.agent(), "refs/heads/b"), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(id + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if rep, err := p.SyncAnew(t.Context()); err != nil || rep.State != Synced {
		t.Fatal(rep, err)
	}
	if got := sh(t, tree, "git", "log", "-1", "--format=%s"); got != "two" {
		t.Errorf("the host has %q", got)
	}
}

// TestBrokenPrivateDirectory has the agent commit and then break its git directory: a new one is made, with the commit.
func TestBrokenPrivateDirectory(t *testing.T) {
	for _, gone := range []string{"config", "HEAD", "objects/info"} {
		s := newSides(t)
		p, tree := s.p, s.tree
		s.in("git commit -q --allow-empty -m inside")
		if err := os.RemoveAll(filepath.Join(p.agent(), gone)); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Prepare(t.Context()); err != nil {
			t.Fatal(gone, err)
		}
		if _, err := p.Sync(t.Context()); err != nil {
			t.Fatal(gone, err)
		}
		if got := sh(t, tree, "git", "log", "-1", "--format=%s"); got != "inside" {
			t.Errorf("without %s the host has %q", gone, got)
		}
		if out := s.in("git log -1 --format=%s"); out != "inside" {
			t.Errorf("without %s the container has %q", gone, out)
		}
	}
}

// TestGitInsideIsInTheWay has the host commit while git inside holds a lock. Nothing moves back meanwhile, and everything moves
// on once the lock is gone.
func TestGitInsideIsInTheWay(t *testing.T) {
	for _, lock := range []string{"refs/heads/b.lock", "packed-refs.lock", "index.lock"} {
		s := newSides(t)
		p, tree := s.p, s.tree
		m := newMeddler(t, p, s.env)
		if err := os.WriteFile(filepath.Join(tree, "f"), []byte("1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.in("git add f")
		s.in("git commit -q -m inside")
		m.rests(Synced)
		if err := os.WriteFile(filepath.Join(p.agent(), lock), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, "f"), []byte("2\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		sh(t, tree, "git", "commit", "-q", "-am", "outside")
		for range 2 {
			if rep, _ := m.sync(0); rep.State != Held {
				t.Errorf("%s: %+v", lock, rep)
			}
			if got := sh(t, tree, "git", "log", "-1", "--format=%s"); got != "outside" {
				t.Fatalf("%s: the host has %q", lock, got)
			}
		}
		if err := os.Remove(filepath.Join(p.agent(), lock)); err != nil {
			t.Fatal(err)
		}
		m.rests(Synced)
		if got := s.in("git log -1 --format=%s"); got != "outside" {
			t.Errorf("%s: the container has %q", lock, got)
		}
		if got := s.in("git diff --cached --name-only"); got != "" {
			t.Errorf("%s: the index inside is behind", lock)
		}
	}
}

// TestLocksOfAKilledSync has the locks that a sync holds where it was killed.
func TestLocksOfAKilledSync(t *testing.T) {
	s := newSides(t)
	p := s.p
	s.in("git commit -q --allow-empty -m inside")
	root, err := os.OpenRoot(p.agent())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := p.noteLocks(root, []string{"refs/heads/b"}); err != nil {
		t.Fatal(err)
	}
	if err := distrust.Lock(root, "refs/heads/b"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{packedRefs, indexFile} {
		if err := os.WriteFile(filepath.Join(p.agent(), name+".hjk-ls"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := root.Link(name+".hjk-ls", name+".lock"); err != nil {
			t.Fatal(err)
		}
	}
	if rep, err := p.Sync(t.Context()); err != nil || rep.State != Synced {
		t.Fatal(rep, err)
	}
	s.in("git commit -q --allow-empty -m 'and on'")
	s.in("git pack-refs --all")
}

// TestGitOutsideIsInTheWay has a sync meet a git at work in the worktree, as one is that a killed sync started.
func TestGitOutsideIsInTheWay(t *testing.T) {
	s := newSides(t)
	p, tree := s.p, s.tree
	if err := os.WriteFile(filepath.Join(tree, "f"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.in("git add f")
	s.in("git commit -q -m inside")
	lock := filepath.Join(p.tree.GitDir, "index.lock")
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	gone := time.AfterFunc(200*time.Millisecond, func() { _ = os.Remove(lock) })
	defer gone.Stop()
	if rep, err := p.Sync(t.Context()); err != nil || rep.State != Synced {
		t.Fatal(rep, err)
	}
	if got := sh(t, tree, "git", "status", "--porcelain"); got != "" {
		t.Errorf("the worktree has %s", got)
	}
}
