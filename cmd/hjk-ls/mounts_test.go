package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mine is a folder of the user's that no container may see: a key, and a clone called dep.
func (r rig) mine() string {
	r.Helper()
	me := filepath.Join(r.Dir, "me")
	r.sh(`mkdir -p ` + me + `/dep; git init -q ` + me + `/dep; echo PRIVATE | tee ` + me + `/key >` + me + `/dep/key`)
	return me
}

// untouched checks that what is mine is as it was.
func (r rig) untouched(me string) {
	r.Helper()
	if got := r.sh("cd " + me + "; find . -path ./dep/.git -prune -o -print | sort; cat key dep/key"); got != ".\n./dep\n./dep/key\n./key\nPRIVATE\nPRIVATE" {
		r.Errorf("the user's folder was touched: %q", got)
	}
}

// gitlink adds a submodule to the branch that a worktree has, as a user does who has not checked it out.
func (r rig) gitlink(tree, path string) {
	r.Helper()
	r.sh("git init -q ../dep; git -C ../dep commit -q --allow-empty -m dep; id=$(git -C ../dep rev-parse HEAD); cd " + tree +
		"; git update-index --add --cacheinfo 160000,$id," + path + "; git commit -qm " + path + "; mkdir -p " + path)
}

// sees reports whether the private key is anywhere in what a container sees below its worktree, or where a link led.
func (r rig) sees(id, tree string) bool {
	r.Helper()
	out, err := r.Do(r.repo, "docker", "exec", id, "bash", "-c", "shopt -s globstar dotglob nullglob; cat "+tree+"/lib/key "+tree+"/lib/dep/key "+tree+"/lib/dep/.git/key "+r.Dir+"/me/key 2>/dev/null; true")
	if err != nil {
		r.Fatal(err)
	}
	return strings.Contains(out, "PRIVATE")
}

// TestMountsOfReplacedFolders has an agent replace what leads to a submodule that came while its container ran. recreate
// says what is in the way and mounts nothing of the user's, and goes on when it is away. The control mounts by path, as is usual.
func TestMountsOfReplacedFolders(t *testing.T) {
	base := newRig(t)
	me := base.mine()
	for name, c := range map[string]struct{ script, mount, way string }{
		"a link as the submodule's repository": {`ln -s $ME lib/dep/.git`, "lib/dep/.git", "lib/dep/.git"},
		"a link as the folder it lies in":      {`rm -rf lib; ln -s $ME lib`, "lib/dep", "lib"},
		"a link as its folder":                 {`rm -rf lib/dep; ln -s $ME lib/dep`, "lib/dep", "lib/dep"},
		"a FIFO as its repository":             {`mkfifo lib/dep/.git`, "", "lib/dep/.git"},
	} {
		t.Run(name, func(t *testing.T) {
			r := base
			r.T = t
			r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
			x := r.x()
			r.gitlink(x.Worktree, "lib/dep")
			r.inside("ME=" + me + "\n" + c.script)
			if c.mount != "" {
				path := filepath.Join(x.Worktree, c.mount)
				out, err := r.Do(r.repo, "docker", "run", "--rm", "-v", path+":"+path, "hjk-test/busybox:1", "sh", "-c", "cat "+path+"/key")
				if err != nil || !strings.Contains(out, "PRIVATE") {
					t.Errorf("the control: a mount by path is not led elsewhere, so this shows nothing: %s %v", out, err)
				}
			}
			r.fails(filepath.Join(x.Worktree, c.way)+" is where git looks for a submodule", "recreate", "x")
			now := r.x()
			if now.Container == nil || now.Container.ID != x.Container.ID || now.State != "running" {
				t.Errorf("the old container does not run: %+v", now)
			}
			if r.sees(x.Container.ID, x.Worktree) {
				t.Error("the container sees what is the user's")
			}
			r.sh("rm " + filepath.Join(x.Worktree, c.way))
			r.hjk("recreate", "x")
			r.inside(`set -ex; exec 2>&1; cd lib/dep; ! touch f; cd ..; ! mv dep other; cd ..; ! mv lib other; ! rm -rf lib; [ -d lib/dep ]`)
			r.hjk("rm", "x", "--force", "--delete-branch")
			r.sh("git branch -D -q x || true")
			r.untouched(me)
			r.nothingLeft("in the end")
		})
	}
}

// TestMountsReplacedAtTheStart leads a folder elsewhere after hjk-ls has looked at it, just when the engine resolves its path,
// and back again. The container never runs an agent and is ended at once; the control, a plain docker run, is tricked.
func TestMountsReplacedAtTheStart(t *testing.T) {
	r := newRig(t)
	me := r.mine()
	tap := newTap(t, r.Host)
	r.Host = tap.host
	r.gitlink(r.repo, "lib/dep")
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	tree := r.x().Worktree
	lib := filepath.Join(tree, "lib")
	swap := func() {
		must(t, os.Rename(lib, lib+".aside"))
		must(t, os.Symlink(me, lib))
	}
	back := func() {
		must(t, os.Remove(lib))
		must(t, os.Rename(lib+".aside", lib))
	}
	const told = "is not what it should be"

	tap.once(swap, back)
	r.fails(told, "recreate", "x")
	if x := r.x(); tap.armed() || x.State != "running" || r.sees(x.Container.ID, tree) {
		t.Errorf("after recreate: %+v", x)
	}
	r.hjk("recreate", "x")

	r.hjk("stop", "x")
	tap.once(swap, back)
	r.fails(told, "run", "x", "--detach")
	if x := r.x(); tap.armed() || x.Container == nil || x.Container.State != "exited" {
		t.Errorf("the container is not ended, or gone with what is in it: %+v", x.Container)
	}
	r.hjk("run", "x", "--detach")
	if x := r.x(); r.sees(x.Container.ID, tree) {
		t.Error("the container that was ended sees what is the user's")
	}
	r.hjk("stop", "x")
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")

	r.hjk("rm", "x", "--force")
	r.untouched(me)

	r.sh("mkdir -p " + lib + "/dep")
	tap.once(swap, back)
	out, err := r.Do(r.repo, "docker", "run", "--rm", "-v", lib+"/dep:/dep", "hjk-test/busybox:1", "cat", "/dep/key")
	if err != nil || !strings.Contains(out, "PRIVATE") {
		t.Errorf("the control: docker run was not tricked, so this shows nothing: %s %v", out, err)
	}
	must(t, os.RemoveAll(tree))
	r.nothingLeft("in the end")
}

// TestSessionsNeedTheirShields takes the mount that shields a submodule away, as git on the host does when it switches branches, and
// starts a container by hand while a folder is led elsewhere. No session is added until the container is made anew.
func TestSessionsNeedTheirShields(t *testing.T) {
	r := newRig(t)
	me := r.mine()
	r.gitlink(r.repo, "lib/dep")
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	tree := r.x().Worktree
	lib := filepath.Join(tree, "lib")
	r.hjk("run", "x", "--detach")
	r.sh("rmdir " + lib + "/dep " + lib + "; mkdir -p " + lib + "/dep")
	const told = "make it anew: hjk-ls recreate x"
	r.fails(told, "run", "x", "--detach")
	r.inside(`git init -q lib/dep || echo "the control: the shield is there, so this shows nothing" >control`)
	r.sh("test ! -e " + tree + "/control; rm -rf " + lib + "/dep/.git")
	r.hjk("recreate", "x")
	r.hjk("run", "x", "--detach")
	r.inside(`! git init -q lib/dep 2>/dev/null`)

	r.hjk("stop", "x")
	id := r.x().Container.ID
	must(t, os.Rename(lib, lib+".aside"))
	must(t, os.Symlink(me, lib))
	r.sh("docker start " + id)
	must(t, os.Remove(lib))
	must(t, os.Rename(lib+".aside", lib))
	if out := r.sh("docker exec " + id + " cat " + me + "/key"); out != "PRIVATE" { // where the link led, inside too
		t.Errorf("the control: the container does not see what is the user's, so this shows nothing: %s", out)
	}
	r.fails(told, "run", "x", "--detach")
	r.hjk("recreate", "x")
	if out, err := r.Do(r.repo, "docker", "exec", r.x().Container.ID, "cat", me+"/key"); err == nil {
		t.Errorf("the container sees what is the user's: %s", out)
	}
	r.hjk("run", "x", "--detach")
	r.hjk("rm", "x", "--force")
	r.untouched(me)
	r.nothingLeft("in the end")
}
