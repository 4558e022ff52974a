package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// childEnv makes the test binary call Ensure on a branch and exit: TestEnsureAcrossProcesses runs it so.
const childEnv = "HJK_TEST_ENSURE"

func TestMain(m *testing.M) {
	os.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	os.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		os.Setenv("GIT_"+who+"_NAME", "Test")
		os.Setenv("GIT_"+who+"_EMAIL", "test@example.com")
	}
	if spec := os.Getenv(childEnv); spec != "" {
		f := strings.Split(spec, "\x1f")
		r, err := Open(context.Background(), f[0])
		if err == nil {
			_, err = r.Ensure(context.Background(), EnsureOptions{Branch: f[1], Dir: f[2]})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func sh(t *testing.T, dir string, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// newRepo makes a repository with one commit in a folder of the given name.
func newRepo(t *testing.T, name string) (*Repo, EnsureOptions) {
	t.Helper()
	base := t.TempDir()
	dir := filepath.Join(base, name)
	sh(t, base, "git", "init", "-q", "-b", "main", dir)
	sh(t, dir, "git", "commit", "-q", "--allow-empty", "-m", "start")
	r, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return r, EnsureOptions{Dir: filepath.Join(base, "trees")}
}

func ensure(t *testing.T, r *Repo, o EnsureOptions, branch string) Ensured {
	t.Helper()
	o.Branch = branch
	e, err := r.Ensure(t.Context(), o)
	if err != nil {
		t.Fatalf("%s: %v", branch, err)
	}
	if got := sh(t, e.Path, "git", "symbolic-ref", "--short", "HEAD"); got != branch {
		t.Fatalf("%s has %s checked out", branch, got)
	}
	return e
}

func TestNamesNeverMeet(t *testing.T) {
	for _, repo := range []string{"plain", "with spaces (and) parens", `quo"te's`, "é", "a:b"} {
		t.Run(repo, func(t *testing.T) {
			r, o := newRepo(t, repo)
			seen := map[string]string{}
			for _, b := range []string{
				"feat/a", "feat-a", "release/v1.0.0", "release/v100", "日本語", "функция/вход", "fix/#12", "UPPER/x", "upperx",
				strings.Repeat("l", 240), "-dash"[1:], "a.b", "a_b",
			} {
				e := ensure(t, r, o, b)
				key := strings.ToLower(filepath.Base(e.Path))
				if other, ok := seen[key]; ok {
					t.Errorf("%s and %s meet at %s", b, other, key)
				}
				seen[key] = b
			}
		})
	}
}

func TestOpenFindsTheSameRepository(t *testing.T) {
	r, o := newRepo(t, "repo")
	sub := filepath.Join(r.Root, "a", "b")
	link := filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.MkdirAll(sub, 0o755), os.Symlink(r.Root, link)); err != nil {
		t.Fatal(err)
	}
	e := ensure(t, r, o, "x")
	for _, from := range []string{sub, link, e.Path} {
		got, err := Open(t.Context(), from)
		if err != nil || got.Root != r.Root {
			t.Errorf("from %s: %v, %v", from, got, err)
		}
	}
}

func TestRefused(t *testing.T) {
	r, _ := newRepo(t, "repo")
	sh(t, r.Root, "git", "branch", "feat")
	for branch, want := range map[string]error{
		"": ErrInvalidBranch, "-x": ErrInvalidBranch, "a..b": ErrInvalidBranch, "a b": ErrInvalidBranch, "x.lock": ErrInvalidBranch,
		"@": ErrInvalidBranch, "HEAD": ErrInvalidBranch, "a//b": ErrInvalidBranch, "feat/x": ErrInvalidBranch, "refs/heads/x": ErrInvalidBranch,
		strings.Repeat("l", 251): ErrInvalidBranch, "x\x01": ErrInvalidBranch,
	} {
		if err := r.Check(t.Context(), branch, ""); !errors.Is(err, want) {
			t.Errorf("%q: %v", branch, err)
		}
	}
	if err := r.Check(t.Context(), "new", "nowhere"); !errors.Is(err, ErrStartPoint) {
		t.Errorf("start point: %v", err)
	}
	if _, err := Open(t.Context(), t.TempDir()); !errors.Is(err, ErrNotRepository) {
		t.Errorf("no repository: %v", err)
	}
	bare := t.TempDir()
	sh(t, bare, "git", "init", "-q", "--bare")
	if _, err := Open(t.Context(), bare); !errors.Is(err, ErrBareRepository) {
		t.Errorf("bare: %v", err)
	}
	unborn := t.TempDir()
	sh(t, unborn, "git", "init", "-q")
	u, err := Open(t.Context(), unborn)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Check(t.Context(), "x", ""); !errors.Is(err, ErrUnbornHead) {
		t.Errorf("unborn: %v", err)
	}
}

// TestValidBranchAgreesWithGit holds our rule against git's own.
func TestValidBranchAgreesWithGit(t *testing.T) {
	for _, b := range []string{"a", "a/b", "a.b", ".a", "a.", "a/.b", "a~", "a^", "a:", "a?", "a*", "a[", "a\\b", "a@{", "@a", "é", "a\tb", "x.lock", "x.lock/y", "/a", "a/", "-a", "a-", "#1"} {
		err := exec.Command("git", "check-ref-format", "--branch", b).Run()
		if ours := validBranch(b); (err == nil) != (ours == nil) {
			t.Errorf("%q: git says %v, we say %v", b, err, ours)
		}
	}
}

func TestRemotes(t *testing.T) {
	r, o := newRepo(t, "repo")
	for _, remote := range []string{"one", "two"} {
		up := filepath.Join(t.TempDir(), remote)
		sh(t, r.Root, "git", "clone", "-q", r.Root, up)
		sh(t, up, "git", "checkout", "-q", "-b", "both")
		sh(t, up, "git", "checkout", "-q", "-b", "only-"+remote)
		sh(t, up, "git", "commit", "-q", "--allow-empty", "-m", remote)
		sh(t, r.Root, "git", "remote", "add", remote, up)
		sh(t, r.Root, "git", "fetch", "-q", remote)
	}
	e := ensure(t, r, o, "only-one")
	if got := sh(t, e.Path, "git", "log", "-1", "--format=%s"); got != "one" {
		t.Errorf("only-one is at %q", got)
	}
	if got := sh(t, e.Path, "git", "rev-parse", "--abbrev-ref", "@{upstream}"); got != "one/only-one" {
		t.Errorf("only-one follows %q", got)
	}
	var amb *AmbiguousError
	if err := r.Check(t.Context(), "both", ""); !errors.As(err, &amb) || len(amb.Remotes) != 2 {
		t.Fatalf("both: %v", err)
	}
	o.From = "two/both"
	ensure(t, r, o, "both")
}

func TestForeignCheckoutsAreUsedAndStay(t *testing.T) {
	r, o := newRepo(t, "repo")
	theirs := filepath.Join(t.TempDir(), "theirs")
	sh(t, r.Root, "git", "worktree", "add", "-q", theirs, "-b", "theirs")
	for branch, path := range map[string]string{"main": r.Root, "theirs": theirs} {
		e := ensure(t, r, o, branch)
		if e.Path != path || e.Owned || e.NewWorktree {
			t.Errorf("%s: %+v", branch, e)
		}
		if err := r.Remove(t.Context(), e.Worktree, true); err == nil {
			t.Errorf("%s was removed", branch)
		}
		if err := r.Undo(t.Context(), e); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestUndoTakesBackWhatWasMade(t *testing.T) {
	r, o := newRepo(t, "repo")
	sh(t, r.Root, "git", "branch", "old")
	for _, branch := range []string{"old", "new"} {
		e := ensure(t, r, o, branch)
		if err := r.Undo(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(e.Path); err == nil {
			t.Errorf("%s: worktree is left", branch)
		}
	}
	if got := sh(t, r.Root, "git", "branch", "--format=%(refname:short)"); got != "main\nold" {
		t.Errorf("branches: %s", got)
	}
	e := ensure(t, r, o, "worked")
	if err := os.WriteFile(filepath.Join(e.Path, "work"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.Undo(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(e.Path, "work")); err != nil {
		t.Error("work was undone")
	}
}

func TestUnsavedAndRemove(t *testing.T) {
	r, o := newRepo(t, "repo")
	sh(t, r.Root, "sh", "-c", "echo ignored >.gitignore; git add .; git commit -qm ignore")
	e := ensure(t, r, o, "x")
	sh(t, e.Path, "sh", "-c", "echo 1 >untracked; echo 1 >ignored")
	u, err := r.Unsaved(t.Context(), e.Worktree, "")
	if err != nil || !u.Lost() || len(u.Untracked) != 1 || len(u.Ignored) != 1 {
		t.Fatalf("%+v %v", u, err)
	}
	if err := r.Remove(t.Context(), e.Worktree, false); !errors.Is(err, ErrDirty) {
		t.Fatal(err)
	}
	sh(t, e.Path, "sh", "-c", "git add untracked; git commit -qm work")
	if u, err = r.Unsaved(t.Context(), e.Worktree, ""); err != nil || len(u.Branch) != 1 || u.Lost() {
		t.Fatalf("%+v %v", u, err)
	}
	if f, err := r.DeleteBranch(t.Context(), e.Worktree, "hjk-x-1", false); f.Deleted || f.Why == "" || err != nil {
		t.Fatalf("a branch with a commit of its own was deleted: %v", err)
	}
	sh(t, r.Root, "git", "merge", "-q", "x")
	if u, err = r.Unsaved(t.Context(), e.Worktree, ""); err != nil || u.Lost() {
		t.Fatalf("%+v %v", u, err)
	}
	if err := r.Remove(t.Context(), e.Worktree, false); err != nil {
		t.Fatal(err)
	}
	if f, err := r.DeleteBranch(t.Context(), e.Worktree, "hjk-x-1", false); !f.Deleted || f.Kept != "" || err != nil {
		t.Fatal(f, err)
	}
}

func TestDeletedFolderIsMadeAnew(t *testing.T) {
	r, o := newRepo(t, "repo")
	e := ensure(t, r, o, "x")
	if err := os.RemoveAll(e.Path); err != nil {
		t.Fatal(err)
	}
	ensure(t, r, o, "x")
}

func TestSomebodysFolderIsInTheWay(t *testing.T) {
	r, o := newRepo(t, "repo")
	path := filepath.Join(o.Dir, InstanceName(r.Root, "x"))
	if err := errors.Join(os.MkdirAll(path, 0o755), os.WriteFile(filepath.Join(path, "precious"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	o.Branch = "x"
	if _, err := r.Ensure(t.Context(), o); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(path, "precious")); err != nil {
		t.Error("it was deleted")
	}
	if err := exec.Command("git", "-C", r.Root, "rev-parse", "--verify", "-q", "refs/heads/x").Run(); err == nil {
		t.Error("the branch is left")
	}
}

func TestWorktreeInclude(t *testing.T) {
	r, o := newRepo(t, "repo")
	sh(t, r.Root, "sh", "-c", "printf '.env\\nsub/*.key\\n' >.worktreeinclude; echo .env >.gitignore; echo A=1 >.env; chmod 600 .env; mkdir sub; echo k >sub/a.key; ln -s /etc/passwd sub/b.key; echo no >other")
	e := ensure(t, r, o, "x")
	if got := sh(t, e.Path, "sh", "-c", "stat -c %a .env; cat .env sub/a.key; readlink sub/b.key; ls"); got != "600\nA=1\nk\n/etc/passwd\nsub" {
		t.Errorf("%s", got)
	}
}

func TestEnsureInACrowd(t *testing.T) {
	r, o := newRepo(t, "repo")
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			o := o
			o.Branch = fmt.Sprintf("b%d", i%6)
			if _, err := r.Ensure(t.Context(), o); err != nil {
				t.Errorf("%s: %v", o.Branch, err)
			}
		})
		wg.Go(func() {
			if out, err := child(r, fmt.Sprintf("b%d", i%6), o.Dir).CombinedOutput(); err != nil {
				t.Errorf("process: %v: %s", err, out)
			}
		})
	}
	wg.Wait()
	all, err := r.Worktrees(t.Context())
	if err != nil || len(all) != 7 {
		t.Fatalf("%d worktrees, %v", len(all), err)
	}
}

func child(r *Repo, branch, dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{r.Root, branch, dir}, "\x1f"))
	return cmd
}

// TestKilledEnsure kills a process at many moments of Ensure; the next Ensure works, and Remove leaves nothing.
func TestKilledEnsure(t *testing.T) {
	r, o := newRepo(t, "repo")
	sh(t, r.Root, "sh", "-c", "for i in $(seq 200); do echo $i >f$i; done; git add .; git commit -qm files")
	for i := range 25 {
		branch := fmt.Sprintf("k%d", i)
		cmd := child(r, branch, o.Dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i) * 2 * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		e := ensure(t, r, o, branch)
		if _, err := os.Stat(filepath.Join(e.Path, "f200")); err != nil {
			t.Fatalf("killed after %d ms: the checkout is not whole: %v", 2*i, err)
		}
		if !e.Owned {
			t.Fatalf("killed after %d ms: nobody owns the worktree", 2*i)
		}
		if err := r.Remove(t.Context(), e.Worktree, true); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(o.Dir, "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func FuzzInstanceName(f *testing.F) {
	f.Add("/r", "feat/a", "/r", "feat-a")
	f.Fuzz(func(t *testing.T, r1, b1, r2, b2 string) {
		a, b := InstanceName(r1, b1), InstanceName(r2, b2)
		if a == b && (r1 != r2 || b1 != b2) && r1+"\x00"+b1 != r2+"\x00"+b2 && !strings.Contains(r1+r2, "\x00") {
			t.Errorf("%q %q and %q %q are both %s", r1, b1, r2, b2, a)
		}
		for _, c := range a {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789._-", c) {
				t.Errorf("%q holds %q", a, c)
			}
		}
		if len(a) > 64 {
			t.Errorf("%q is long", a)
		}
	})
}
