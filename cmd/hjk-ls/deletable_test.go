package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ordinaryRig is the rig of a user who is not root.
func ordinaryRig(t *testing.T) rig {
	t.Helper()
	r := newRig(t)
	sock := strings.TrimPrefix(r.Host, "unix://")
	if os.Getuid() == 0 {
		must(t, os.Chmod(filepath.Dir(sock), 0o711))
		must(t, os.Chown(sock, 0, group))
		must(t, os.Chmod(sock, 0o660))
	}
	must(t, r.Ordinary())
	return r
}

// as runs a script in the container of x, as a user there.
func (r rig) as(user, script string) {
	r.Helper()
	x := r.x()
	script = "exec 2>&1; G=/.headjack/git\n" + script
	if out, err := r.Do(r.repo, "docker", "exec", "-u", user, "-w", x.Worktree, x.Container.ID, "bash", "-ec", script); err != nil {
		r.Fatal(out, err)
	}
}

// TestRemovesWhatIsNotWritable has an agent leave what its user may not delete: folders without the right to write, and those of
// root. rm takes them, and leaves what links lead to; the control, rm -rf of the same user, fails. A run that finds a removal
// that was cut off there makes the worktree anew.
func TestRemovesWhatIsNotWritable(t *testing.T) {
	base := ordinaryRig(t)
	me := base.mine()
	self := base.sh("id -u; id -g")
	self = strings.ReplaceAll(self, "\n", ":")
	for name, c := range map[string]struct{ user, script string }{
		"without the right to write": {self, `mkdir -p a/b; touch a/b/f; ln -s $ME a/b/me; mkdir $G/d $G/d/e; touch $G/d/e/f; mkdir /.headjack/run/d; touch /.headjack/run/d/f; chmod 555 a/b a $G/d/e $G/d /.headjack/run/d $G/objects`},
		"without any right":          {self, `mkdir -p a/b; touch a/b/f; chmod 000 a; mkdir $G/d; chmod 000 $G/d; mkdir /.headjack/run/d; chmod 000 /.headjack/run/d`},
		"root's":                     {"0:0", `mkdir -p a/b; touch a/b/f; ln -s $ME a/b/me; chmod 700 a/b a; mkdir $G/d; touch $G/d/f; mkdir /.headjack/run/d; touch /.headjack/run/d/f`},
	} {
		t.Run(name, func(t *testing.T) {
			r := base
			r.T = t
			r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
			tree := r.x().Worktree
			r.as(c.user, "ME="+me+"\n"+c.script)
			if _, err := r.Do(r.repo, "rm", "-rf", tree+"/a"); err == nil {
				t.Error("the control: rm -rf deletes it, so this shows nothing")
			}
			r.hjk("rm", "x", "--force", "--delete-branch")
			r.nothingLeft("after rm")

			r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
			r.as(c.user, "ME="+me+"\n"+c.script)
			r.sh(`sed -i 's/"whole":true/"whole":false/' .git/worktrees/*/headjack.json; docker rm -f $(docker ps -q --filter label=io.headjack.branch=x) >/dev/null`)
			r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
			if _, err := os.Lstat(tree + "/a"); err == nil {
				t.Error("what was cut off is still there")
			}
			r.hjk("rm", "x", "--force", "--delete-branch")
			r.untouched(me)
			r.nothingLeft("in the end")
		})
	}
}

// TestRemovesNothingWhenItCannotAll has a removal that must fail at its end: nothing is gone then, and it works when what was in
// the way is mended. Work that may not be read is found before.
func TestRemovesNothingWhenItCannotAll(t *testing.T) {
	r := ordinaryRig(t)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	x := r.x()
	user := strings.ReplaceAll(r.sh("id -u; id -g"), "\n", ":")
	r.as(user, "mkdir hidden; echo work >hidden/work; chmod 000 hidden")
	if out := r.sh("git -C " + x.Worktree + " status --porcelain 2>/dev/null"); strings.Contains(out, "work") {
		t.Errorf("the control: git finds the work without help, so this shows nothing: %s", out)
	}
	r.fails("hidden/ (cannot be looked into", "rm", "x")
	r.hjk("stop", "x")
	r.fails("hidden/work", "rm", "x")
	for _, dir := range []string{filepath.Dir(x.Worktree), filepath.Join(r.repo, ".git/worktrees"), filepath.Join(r.Dir, "state/headjack/instances")} {
		r.sh("chmod 555 " + dir)
		r.fails("is not writable", "rm", "x", "--force")
		r.sh("chmod 755 " + dir)
		now := r.x()
		if now.Container == nil || now.Container.ID != x.Container.ID || now.Git == nil {
			t.Errorf("%s: the instance is not whole: %+v", dir, now)
		}
		r.sh("test -e " + x.Worktree + "/hidden/work; test -e " + filepath.Join(r.Dir, "state/headjack/instances/*/git/agent/HEAD"))
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}

// TestWorksWhereRightsWereTakenAway has an agent take away every right on the folders that hjk-ls shares with it. Each operation
// works all the same; the control, a plain look into them, does not.
func TestWorksWhereRightsWereTakenAway(t *testing.T) {
	r := ordinaryRig(t)
	user := strings.ReplaceAll(r.sh("id -u; id -g"), "\n", ":")
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	lock := func() {
		t.Helper()
		r.as(user, "chmod 000 /.headjack/run/sessions/*; chmod 000 /.headjack/run/sessions; chmod 000 /.headjack/run $G .")
	}
	lock()
	for _, dir := range []string{r.x().Worktree, filepath.Join(r.Dir, "state/headjack/instances/*/run"), filepath.Join(r.Dir, "state/headjack/instances/*/git/agent")} {
		if _, err := r.Do(r.repo, "sh", "-c", "ls "+dir); err == nil {
			t.Errorf("the control: %s can be listed, so this shows nothing", dir)
		}
	}
	r.hjk("run", "x", "--detach")
	lock()
	r.hjk("recreate", "x")
	lock()
	r.hjk("stop", "x")
	r.hjk("run", "x", "--detach")
	if x := r.x(); x.State != "running" || len(x.Sessions) == 0 {
		t.Errorf("%+v", x)
	}
	r.as(user, "rm -rf /.headjack/run/sessions; echo none >/.headjack/run/sessions")
	r.hjk("ps")
	r.hjk("run", "x", "--detach")
	if x := r.x(); len(x.Sessions) != 1 {
		t.Errorf("after a file in the place of the sessions: %+v", x)
	}
	lock()
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}
