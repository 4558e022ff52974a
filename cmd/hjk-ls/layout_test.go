package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLayouts works in repositories of every kind: inside, git finds the checkout clean and commits; on the host the commit
// arrives, and the checkout is clean there too.
func TestLayouts(t *testing.T) {
	seed := `git init -q -b main src; cd src; mkdir -p a/b; printf 'one\r\ntwo\r\n' >a/crlf.txt; echo 1 >a/b/f; echo 2 >g; git add -A; git commit -qm one; git commit -q --allow-empty -m two; cd ..`
	layouts := map[string]string{ // each makes the checkout "it" beside "src"
		"SHA-256":                    `git init -q -b main --object-format=sha256 it; cd it; echo 1 >f; git add -A; git commit -qm one; git commit -q --allow-empty -m two`,
		"bare with worktrees":        `git clone -q --bare src it.git; git -C it.git worktree add -q ../it main`,
		"alternates of its own":      `git clone -q --shared src it`,
		"alternates of alternates":   `git clone -q --shared src mid; git -C mid commit -q --allow-empty -m mid; git clone -q --shared mid it`,
		"shallow":                    `git clone -q --depth 1 "file://$PWD/src" it`,
		"separate git directory":     `git clone -q --separate-git-dir=elsewhere src it`,
		"core.autocrlf":              `git clone -q -c core.autocrlf=true src it`,
		"sparse":                     `git clone -q src it; git -C it sparse-checkout set --cone a/b`,
		"split index":                `git clone -q src it; git -C it update-index --split-index`,
		"packed, with tags":          `git clone -q src it; git -C it tag -a -m t t1; git -C it gc -q`,
		"core.filemode off":          `git clone -q -c core.filemode=false src it; chmod +x it/g`,
		"untracked cache, fsmonitor": `git clone -q -c core.untrackedCache=true src it; git -C it update-index --untracked-cache --force-untracked-cache`,
		"notes and replace":          `git clone -q src it; cd it; git notes add -m n; git replace --graft HEAD`,
	}
	r := newRig(t)
	for name, script := range layouts {
		t.Run(name, func(t *testing.T) {
			r := r
			r.T = t
			dir := filepath.Join(r.Dir, name)
			must(t, os.MkdirAll(dir, 0o755))
			if _, err := r.Do(dir, "sh", "-ec", "export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=protocol.file.allow GIT_CONFIG_VALUE_0=always GIT_CONFIG_KEY_1=user.name GIT_CONFIG_VALUE_1=T\n"+seed+"\n"+script); err != nil {
				t.Fatal(err)
			}
			r.repo = filepath.Join(dir, "it")
			for _, branch := range []string{"x", "main"} {
				r.hjk("run", branch, "--image", "hjk-test/tmux:1", "--detach")
				i, err := r.Instance(r.repo, branch)
				must(t, err)
				out, err := r.Do(r.repo, "docker", "exec", "-u", me, "-w", i.Worktree, i.Container.ID, "bash", "-ec",
					`git status --porcelain; git log -3 --format=%H >/dev/null; git fsck --connectivity-only >/dev/null 2>&1 || echo broken; git -c user.name=A -c user.email=a@a commit -q --allow-empty -m inside`)
				if err != nil || out != "" {
					t.Errorf("%s: inside: %v %s", branch, err, out)
				}
				i, err = r.Instance(r.repo, branch)
				must(t, err)
				if i.Git == nil || i.Git.State != "synced" {
					t.Errorf("%s: %+v", branch, i.Git)
				}
				if out, err := r.Do(i.Worktree, "sh", "-ec", `git log -1 --format=%s; git status --porcelain`); err != nil || out != "inside\n" {
					t.Errorf("%s: on the host: %v %s", branch, err, out)
				}
				r.hjk("rm", branch, "--force")
			}
			r.nothingLeft("after " + name)
		})
	}
}

// TestSubmodulesInside works in a repository with a submodule that is checked out and one that is not.
func TestSubmodulesInside(t *testing.T) {
	r := newRig(t)
	r.sh(`git init -q ../lib; cd ../lib; echo lib >lib.txt; git add .; git commit -qm lib; cd ../repo
git -c protocol.file.allow=always submodule --quiet add ../lib sub/lib; git -c protocol.file.allow=always submodule --quiet add ../lib sub/other; git commit -qm subs; git submodule --quiet deinit -f sub/other`)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	x := r.x()
	if _, err := r.Do(x.Worktree, "git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "sub/lib"); err != nil {
		t.Fatal(err)
	}
	r.hjk("recreate", "x") // the submodule is there from now on
	const look = `set -ex; exec 2>&1; test "$(cat sub/lib/lib.txt)" = lib; test -z "$(git status --porcelain --ignore-submodules=none)"; test -z "$(git -C sub/lib status --porcelain)"
test "$(git -C sub/lib log -1 --format=%s)" = lib; test -z "$(git -C sub/lib config credential.helper)"; ! touch sub/other/x; ! git -C sub/lib config core.fsmonitor x`
	r.inside(look + "\ngit commit -q --allow-empty -m inside")
	r.hjk("ps")
	if got := r.sh("git log -1 --format=%s x"); got != "inside" {
		t.Fatal(got)
	}
	if out, err := r.Do(x.Worktree, "git", "status", "--porcelain"); err != nil || out != "" {
		t.Fatalf("%s %v", out, err)
	}
	r.hjk("rm", "x", "--force")
	r.sh("git -C sub/lib config credential.helper secret")
	r.hjk("run", "main", "--image", "hjk-test/tmux:1", "--detach")
	i, err := r.Instance(r.repo, "main")
	must(t, err)
	if out, err := r.Do(r.repo, "docker", "exec", "-u", me, "-w", i.Worktree, i.Container.ID, "bash", "-c", look); err != nil {
		t.Fatal(out, err)
	}
	r.hjk("rm", "main", "--force")
	r.nothingLeft("in the end")
}

// TestLFS works in a repository with git-lfs on the host: its files are inside, and what git-lfs inside adds to its store
// comes over when it is what its name says.
func TestLFS(t *testing.T) {
	r := newRig(t)
	r.sh(`git lfs install --local >/dev/null; git lfs track '*.bin' >/dev/null; echo content >a.bin; git add -A; git commit -qm lfs`)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	good := "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac" // of "x\n"
	r.inside(`set -ex; exec 2>&1; test "$(cat a.bin)" = content; touch a.bin; test -z "$(git status --porcelain)"
o=` + strings.Repeat("ab", 32) + `; mkdir -p $G/lfs/objects/${o:0:2}/${o:2:2}; echo x >$G/lfs/objects/${o:0:2}/${o:2:2}/$o
echo x >b.bin; git add b.bin; git commit -qm inside; git cat-file -p HEAD:b.bin | grep -q ` + good + `; git rm -q --cached a.bin; rm a.bin; git reset -q --hard; test "$(cat a.bin)" = content`)
	r.hjk("ps")
	if got := r.sh(`git log -1 --format=%s x; find .git/lfs/objects -type f | grep -c ` + good + `; find .git/lfs/objects -name 'abab*' -type f; git switch -q --detach x; cat b.bin; git lfs status --porcelain`); got != "inside\n1\nx" {
		t.Fatal(got)
	}
	if out, err := r.Do(r.x().Worktree, "git", "status", "--porcelain"); err != nil || out != "" {
		t.Fatal(out, err)
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}

// TestGitCrypt works in a repository with git-crypt, which up to 0.7 finds no key in a worktree: there is a checkout, the agent cannot
// commit what is encrypted, and its user can.
func TestGitCrypt(t *testing.T) {
	r := newRig(t)
	r.sh(`git-crypt init >/dev/null 2>&1; echo '*.key filter=git-crypt diff=git-crypt' >.gitattributes; echo secret >a.key; git add .; git commit -qm keyed`)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	r.inside(`set -ex; exec 2>&1; test "$(cat a.key)" = secret; touch a.key; test -z "$(git status --porcelain)"; ! ls "$G"/*crypt*
echo other >a.key; ! git add a.key; ! git commit -qam x; echo f >f; git add -A -- ':!a.key'; git commit -qm inside`)
	r.hjk("ps")
	if out, err := r.Do(r.x().Worktree, "sh", "-ec", `git commit -qam here; git log -2 --format=%s; git show HEAD:a.key | grep -c other || git show HEAD:a.key | head -c 10 | tr -d '\0'; git status --porcelain`); err != nil || out != "here\ninside\n0\nGITCRYPT" {
		t.Fatalf("%q %v", out, err)
	}
	r.hjk("ps")
	r.inside(`set -ex; exec 2>&1; touch a.key; test -z "$(git status --porcelain)"; test "$(git log -1 --format=%s)" = here`)
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
	r.sh(`git switch -q --detach x; test "$(cat a.key)" = other`)
}
