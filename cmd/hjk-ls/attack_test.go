package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// attack is what an agent does in its container, in the worktree, to have something run or destroyed on the host. The
// scripts find $PWN, a file on the host that must not come to be; $G and $C, the git directory and the common one as git in
// the container tells them.
type attack struct {
	name   string
	script string
	host   string // what the user does then, beside the usual
}

// evil is a command as a configuration has it.
const evil = `"touch $PWN; false"`

var attacks = []attack{
	{name: "hooks", script: `for d in $C/hooks $G/hooks; do mkdir -p $d; for h in post-commit pre-commit post-checkout post-merge reference-transaction post-index-change pre-auto-gc post-rewrite prepare-commit-msg; do
		printf '#!/bin/sh\ntouch %s\n' "$PWN" >$d/$h; chmod +x $d/$h; done; done; git config core.hooksPath $C/hooks`},
	{name: "core.fsmonitor", script: `git config core.fsmonitor ` + evil},
	{name: "core.sshCommand", script: `git config core.sshCommand ` + evil + `; git config remote.o.url ssh://host/x`, host: `git fetch o`},
	{name: "core.editor", script: `git config core.editor ` + evil, host: `git commit --allow-empty`},
	{name: "core.pager", script: `git config core.pager ` + evil, host: `script -qec 'git log' /dev/null`},
	{name: "diff.external", script: `git config diff.external ` + evil + `; echo changed >>code`},
	{name: "filter", script: `git config filter.e.clean "touch $PWN; cat"; git config filter.e.smudge "touch $PWN; cat"; echo '* filter=e' >.gitattributes; echo changed >>code`, host: `git add -A`},
	{name: "textconv", script: `git config diff.e.textconv "touch $PWN; cat"; echo '* diff=e' >.gitattributes; echo changed >>code`},
	{name: "gpg.program", script: `printf '#!/bin/sh\ntouch %s\n' "$PWN" >gpg.sh; chmod +x gpg.sh; git config gpg.program $PWD/gpg.sh; git config commit.gpgSign true`, host: `git commit -q --allow-empty -m signed`},
	{name: "include.path", script: `printf '[core]\nfsmonitor = "touch %s; false"\n' "$PWN" >evil.config; git config include.path $PWD/evil.config`},
	{name: "alias and credential helper", script: `git config credential.helper "!touch $PWN"; git config alias.st "!touch $PWN"`, host: `git st; printf 'protocol=https\nhost=x\n\n' | git credential fill`},
	{name: "commondir", script: `cp -r $C evil 2>/dev/null || { git init -q evil; mv evil/.git/* evil/; }; git config -f evil/config core.fsmonitor ` + evil + `; echo $PWD/evil >$G/commondir`},
	{name: "replaced .git", script: `rm -rf .git 2>/dev/null; rm -f .git; git init -q . 2>/dev/null; git config core.fsmonitor ` + evil},
	{name: "nested repository as a gitlink", script: `git init -q sub; git -C sub commit -q --allow-empty -m x; git add sub 2>/dev/null; git commit -qm sub; git -C sub config core.fsmonitor ` + evil},
	{name: "nested repository in the place of a submodule", script: `mv lib lib2 2>/dev/null; mkdir -p lib/dep; rm -rf lib/dep/.git; git init -q lib/dep; git -C lib/dep commit -q --allow-empty -m x; git -C lib/dep config core.fsmonitor ` + evil},
	{name: "gitlink in a merge", script: `git init -q sub; git -C sub commit -q --allow-empty -m x; git -C sub config core.fsmonitor ` + evil + `
		s=$(git -C sub rev-parse HEAD); git update-index --add --cacheinfo 160000,$s,sub; t=$(git write-tree); git reset -q --hard $(git commit-tree -p HEAD -p HEAD~1 -m m $t)`},
}

// use is what a user and an editor do in a worktree.
const use = `git status; git diff; git log -p -3; git stash list; git status --porcelain=v2 --untracked-files=all; git commit -qam host; git checkout -q --detach; git checkout -q -; git fetch --all; git gc --auto -q; git submodule status`

func (r rig) attackRepo() {
	r.sh(`git init -q ../dep; git -C ../dep commit -q --allow-empty -m dep; echo 1 >code; git add code
git update-index --add --cacheinfo 160000,$(git -C ../dep rev-parse HEAD),lib/dep; mkdir -p lib/dep; git commit -qm 'with a submodule'`)
}

func (a attack) in(pwn string) string {
	return fmt.Sprintf("export HOME=/tmp PWN=%s GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a; G=$(git rev-parse --absolute-git-dir); C=$(git rev-parse --path-format=absolute --git-common-dir)\n%s\ntrue", pwn, a.script)
}

// asUser does on the host what follows an attack. Errors are the attack's business.
func (r rig) asUser(dir string, a attack) {
	_, _ = r.Do(dir, "sh", "-c", "export EDITOR=true PAGER=cat; "+use+"\n"+a.host)
}

// TestAttacks runs each attack in a container, and uses the repository on the host. Its control does the same in a container
// that has the worktree and the repository's git directory mounted, as is usual: there it works.
func TestAttacks(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			r := newRig(t)
			r.attackRepo()
			pwn := filepath.Join(r.Dir, "PWNED")
			r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
			x := r.x()
			c := x.Container.ID
			if _, err := r.Do(r.repo, "docker", "exec", "-u", me, "-w", x.Worktree, c, "bash", "-c", a.in(pwn)); err != nil {
				t.Fatal(err)
			}
			r.hjk("ps")
			r.asUser(x.Worktree, a)
			r.asUser(r.repo, a)
			r.hjk("stop", "x")
			r.asUser(x.Worktree, a)
			r.hjk("rm", "x", "--force")
			if _, err := os.Stat(pwn); err == nil {
				t.Error("it ran on the host")
			}
			r.sh("git fsck 2>&1 | grep -v dangling || true; git status --porcelain")
			r.nothingLeft("after the attack")

			wt := filepath.Join(r.Dir, "naive")
			r.sh("git branch -q -f naive HEAD; git worktree add -q " + wt + " naive; mkdir -p " + wt + "/lib/dep")
			_, err := r.Do(r.repo, "docker", "run", "--rm", "-u", me, "-v", wt+":"+wt, "-v", r.repo+"/.git:"+r.repo+"/.git", "-w", wt, "hjk-test/tmux:1", "bash", "-c", a.in(pwn))
			if err != nil {
				t.Fatal(err)
			}
			r.asUser(wt, a)
			if _, err := os.Stat(pwn); err != nil {
				t.Error("the control: it does not work in the usual layout either, so this shows nothing")
			}
		})
	}
}

// inside runs a script as the agent of branch x.
func (r rig) inside(script string) {
	r.Helper()
	x := r.x()
	if _, err := r.Do(r.repo, "docker", "exec", "-u", me, "-w", x.Worktree, x.Container.ID, "bash", "-c", attack{script: script}.in("/nowhere")); err != nil {
		r.Fatal(err)
	}
}

// TestHostileGitDirectory breaks the private git directory in every way that could hang, mislead or fill the host. Each time
// ps answers and tells it, the host's repository is whole, and what was there before is still there.
func TestHostileGitDirectory(t *testing.T) {
	cases := map[string]struct{ script, state string }{
		"object of another repository by an alternate": {`git commit -q --allow-empty -m mine; echo $SECRETREPO/objects >>$G/objects/info/alternates; echo $SECRET >$G/refs/heads/steal`, "held"},
		"object of another repository by a link":       {`rm -rf $G/objects/pack; ln -s $SECRETREPO/objects/pack $G/objects/pack; echo $SECRET >$G/refs/heads/steal`, "held"},
		"references that are links":                    {`ln -s $SECRETREPO/HEAD $G/refs/heads/l; ln -s /etc $G/refs/heads/d; ln -sf $SECRETREPO/packed-refs $G/packed-refs`, "held"},
		"FIFOs":                                        {`git commit -q --allow-empty -m m; mkfifo $G/refs/heads/f; rm -f $G/index $G/packed-refs $G/HEAD; mkfifo $G/index $G/packed-refs $G/HEAD`, ""},
		"names with control characters":                {`h=$(git rev-parse HEAD); mkdir -p $G/refs/heads; for n in $'a\nb' $'\e[31mred' '-x' 'x y' 'a..b' 'x.lock' '@{'; do echo $h >"$G/refs/heads/$n"; done; printf '%s refs/heads/../../x\n%s refs/evil/x\n' $h $h >>$G/packed-refs`, "synced"},
		"too many references":                          {`h=$(git rev-parse HEAD^0); for i in $(seq 6000); do echo $h >$G/refs/heads/n$i; done`, "held"},
		"an enormous reference":                        {`head -c 100000000 /dev/zero >$G/refs/heads/big; head -c 100000000 /dev/zero >>$G/packed-refs`, ""},
		"a broken object":                              {`git commit -q --allow-empty -m b; o=$(git rev-parse HEAD); f=$G/objects/${o:0:2}/${o:2}; chmod +w $f; head -c 30 /dev/zero >$f`, "held"},
		"an object under another's name":               {`git commit -q --allow-empty -m b; o=$(git rev-parse HEAD); e=$(echo x | git hash-object -w --stdin); chmod +w $G/objects/${o:0:2}/${o:2}; cp $G/objects/${e:0:2}/${e:2} $G/objects/${o:0:2}/${o:2}`, "held"},
		"a tree that leads out":                        {`b=$(echo x | git hash-object -w --stdin); t=$(printf "100644 ..\0$(echo $b | sed 's/../\\x&/g')" | git hash-object -w -t tree --stdin --literally); git update-ref refs/heads/x $(git commit-tree -m out -p HEAD $t)`, "held"},
		"links out of the worktree":                    {`ln -s $SECRETREPO link; mkdir -p d; ln -s $SECRETREPO/.. d/up; ln -s /etc/passwd passwd; git add -A; git commit -qm links`, "synced"},
		"everything deleted":                           {`rm -rf $G/* 2>/dev/null; true`, ""},
		"locks":                                        {`git commit -q --allow-empty -m b; touch $G/packed-refs.lock $G/index.lock $G/refs/heads/x.lock`, "synced"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			secret := filepath.Join(r.Dir, "secret")
			r.sh("git init -q " + secret + "; cd " + secret + "; git commit -q --allow-empty -m secret; git repack -q -a -d; git pack-refs --all")
			id := r.sh("git -C " + secret + " rev-parse HEAD")
			r.sh("git commit -q --allow-empty -m two")
			r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
			r.inside("SECRETREPO=" + secret + "/.git SECRET=" + id + "\n" + c.script)
			began := time.Now()
			x := r.x()
			if c.state != "" && (x.Git == nil || x.Git.State != c.state) {
				t.Errorf("ps tells %+v, not %s", x.Git, c.state)
			}
			t.Logf("%+v after %v", x.Git, time.Since(began))
			if _, err := r.Do(r.repo, "git", "cat-file", "-e", id); err == nil {
				t.Error("an object of another repository came over")
			}
			r.sh("git commit -q --allow-empty -m onhost; git branch -f other HEAD")
			r.hjk("ps")
			if got := r.sh("git fsck --strict 2>&1 | grep -v '^dangling\\|^Checking' || true; git for-each-ref --format='%(refname)' | grep -v '^refs/heads/\\(x\\|main\\|other\\)$\\|^refs/headjack/' || true"); got != "" {
				t.Errorf("on the host: %s", got)
			}
			if strings.ContainsAny(fmt.Sprint(x.Git), "\x1b\n") {
				t.Errorf("control characters: %q", fmt.Sprint(x.Git))
			}
			r.hjk("stop", "x")
			r.hjk("rm", "x", "--force")
			r.nothingLeft("in the end")
			if got := r.sh("git -C " + secret + " fsck 2>&1; git -C " + secret + " rev-parse HEAD"); got != id {
				t.Errorf("the other repository was touched: %s", got)
			}
		})
	}
}
