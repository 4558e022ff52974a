package main

import (
	"strings"
	"testing"
)

// insideSays runs a script as the agent of branch x and gives what it printed.
func (r rig) insideSays(script string) string {
	r.Helper()
	x := r.x()
	out, err := r.Do(r.repo, "docker", "exec", "-w", x.Worktree, x.Container.ID, "bash", "-c", attack{script: script}.in("/nowhere"))
	if err != nil {
		r.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// looked is what tells of work at first glance: what git status names on the host, and the branches and tags inside.
func (r rig) looked() string {
	r.Helper()
	out, err := r.Do(r.x().Worktree, "git", "status", "--porcelain")
	if err != nil {
		r.Fatal(err)
	}
	return out + r.insideSays("git log --branches --tags --format=%s")
}

// TestWorkThatIsHardToSee has work that git status does not name, nor a branch: rm names it and refuses. The control is that
// neither tells of it.
func TestWorkThatIsHardToSee(t *testing.T) {
	r := newRig(t)
	r.sh(`printf 'made/\n' >.gitignore; mkdir lib; printf '/out\n!keep\n' >lib/.gitignore; echo 1 >code; git add .; git commit -qm two`)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	id := func(name string) string { return `$(git commit-tree -m ` + name + ` -p HEAD HEAD^{tree})` }
	for _, c := range []struct{ name, script, undo string }{
		{"work.txt", `printf '*\n' >.gitignore; echo w >work.txt`, `rm work.txt; git checkout .gitignore`},
		{"lib/deep/work.txt", `mkdir lib/deep; printf '*\n' >lib/deep/.gitignore; echo w >lib/deep/work.txt`, `rm -r lib/deep`},
		{"cannot be looked into", `d=$(printf '%0250d' 0); for i in $(seq 20); do mkdir $d; cd $d; done; echo w >work.txt`, `rm -rf 0*`},
		{"detached", `git worktree add -q --detach /tmp/wt; cd /tmp/wt; git commit -q --allow-empty -m detached`, `git worktree remove --force /tmp/wt`},
		{"beside", `git update-ref refs/wip/x ` + id("beside"), `git update-ref -d refs/wip/x`},
		{"packed", `git update-ref refs/wip/y ` + id("packed") + `; git pack-refs --all; git branch other`, `git branch -D other; git update-ref -d refs/wip/y`},
		{"bisected", `git update-ref refs/bisect/bad ` + id("bisected"), `git update-ref -d refs/bisect/bad`},
		{"autostash", `echo 2 >>code; GIT_SEQUENCE_EDITOR='sed -i 1ibreak' git rebase -q -i --autostash HEAD~1`, `git rebase --abort; git checkout code`},
		{"tags/file (a blob)", `git tag file $(echo x | git hash-object -w --stdin)`, `git tag -d file`},
	} {
		r.inside(c.script)
		if seen := r.looked(); strings.Contains(seen, c.name) {
			t.Errorf("the control: it is easy to see %s: %s", c.name, seen)
		}
		r.fails(c.name, "rm", "x")
		r.inside(c.undo)
	}
	r.hjk("rm", "x")
	r.nothingLeft("when nothing is lost")
}

// TestTrash has commits that only logs of git inside name, and one that is staged alone: rm keeps them, and says how to get them
// back. What is there for longer than a month goes.
func TestTrash(t *testing.T) {
	r := newRig(t)
	r.sh(`echo 1 >code; git add .; git commit -qm two`)
	// The control: without a record git knows nothing of such a commit.
	r.sh(`git clone -q . ../clone; git -C ../clone commit -q --allow-empty -m lost; git -C ../clone reset -q --hard HEAD~1; git fetch -q ../clone '+refs/*:refs/naive/*'`)
	if got := r.sh("git log --all --format=%s"); strings.Contains(got, "lost") {
		t.Fatalf("the control: %s", got)
	}
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	old := "refs/headjack/trash/20200101T000000Z-hjk-old-1/heads/x"
	r.sh("git update-ref " + old + " HEAD; git update-ref refs/headjack/trash/20990101T000000Z-hjk-new-1/heads/x HEAD")
	r.inside(`git commit -q --allow-empty -m 'amended away'; git commit -q --amend --allow-empty -m kept; git commit -q --allow-empty -m 'thrown away'; git reset -q --hard HEAD~1
git worktree add -q --detach /tmp/wt; cd /tmp/wt; git commit -q --allow-empty -m 'in a worktree'; git checkout -q --detach HEAD~2; cd - >/dev/null; git reset -q --hard HEAD~1
echo staged >new.txt; git add new.txt; rm new.txt`)
	out := r.hjk("rm", "x")
	if !strings.Contains(out, "git branch NAME") || !strings.Contains(out, "refs/headjack/trash/") || strings.Contains(out, "not kept") {
		t.Errorf("rm says %s", out)
	}
	trash := r.sh("for r in $(git for-each-ref --format='%(refname)' refs/headjack/trash); do git log -1 --format=\"%s $r\" $r; done")
	for _, want := range []string{"amended away", "thrown away", "in a worktree", "what was staged"} {
		if !strings.Contains(trash, want) {
			t.Errorf("%q is not in the trash:\n%s", want, trash)
		}
	}
	if got := r.sh("git show $(git for-each-ref --format='%(refname)' 'refs/headjack/trash/*/staged'):new.txt"); got != "staged" {
		t.Errorf("what was staged is %q", got)
	}
	if strings.Contains(trash, old) || !strings.Contains(trash, "20990101T") {
		t.Errorf("what is old stays, or what is new goes:\n%s", trash)
	}
	r.nothingLeft("after rm")

	// By force, and where something is broken.
	r.sh("git for-each-ref --format='delete %(refname)' refs/headjack | git update-ref --stdin")
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	r.inside(`git commit -q --allow-empty -m good; git branch idea; git tag -a -m tagged tagged; git reset -q --hard HEAD~1
b=$(git commit-tree -m broken -p HEAD HEAD^{tree}); c=$(git commit-tree -m child -p $b HEAD^{tree}); git update-ref refs/wip/broken $c; rm -f $G/objects/${b:0:2}/${b:2}; git update-ref refs/wip/whole $(git commit-tree -m whole -p HEAD HEAD^{tree})`)
	r.fails("good", "rm", "x")
	out = r.hjk("rm", "x", "--force")
	if !strings.Contains(out, "not kept") {
		t.Errorf("rm does not tell what is broken: %s", out)
	}
	trash = r.sh("git for-each-ref --format='%(refname)' refs/headjack")
	for _, want := range []string{"/heads/idea", "/tags/tagged", "/other/wip/whole"} {
		if !strings.Contains(trash, want) {
			t.Errorf("%q is not in the trash:\n%s", want, trash)
		}
	}
	if strings.Contains(trash, "broken") {
		t.Errorf("what is broken came over:\n%s", trash)
	}
	r.sh("git branch back $(git for-each-ref --format='%(refname)' 'refs/headjack/trash/*/heads/idea')")
	if got := r.sh("git log -1 --format=%s back"); got != "good" {
		t.Errorf("it came back as %q", got)
	}
	if got := r.sh("git fsck 2>&1 | grep -v dangling || true"); got != "" {
		t.Error(got)
	}
	r.nothingLeft("by force")
}
