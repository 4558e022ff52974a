package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// plant makes a repository of the agent's at a path, in whose configuration there is a command.
func plant(path string) string {
	return fmt.Sprintf("git init -q %[1]s; git -C %[1]s commit -q --allow-empty -m x; git -C %[1]s config core.fsmonitor %[2]s", path, evil)
}

// nestedAttacks are what an agent on the user's main checkout does to other repositories in it, and what the user does then.
var nestedAttacks = []attack{
	{name: "a worktree's .git", script: `rm -rf wts/mine/.git; ` + plant("wts/mine"), host: "git -C wts/mine status"},
	{name: "a worktree", script: `rm -rf wts/mine; ` + plant("wts/mine"), host: "git -C wts/mine status"},
	{name: "the folder of worktrees", script: `mv wts wts2; mkdir -p wts; ` + plant("wts/mine"), host: "git -C wts/mine status"},
	{name: "a clone's configuration", script: `git -C vendor/clone config core.fsmonitor ` + evil, host: "git -C vendor/clone status"},
	{name: "a clone's hooks", script: `mkdir -p vendor/clone/.git/hooks; printf '#!/bin/sh\ntouch %s\n' "$PWN" >vendor/clone/.git/hooks/pre-commit; chmod +x vendor/clone/.git/hooks/pre-commit`, host: "git -C vendor/clone commit --allow-empty -m user"},
	{name: "a clone", script: `mv vendor v; mkdir vendor; ` + plant("vendor/clone"), host: "git -C vendor/clone status"},
	{name: "a bare repository", script: `mkdir -p vendor/bare.git/hooks; printf '#!/bin/sh\ntouch %s\n' "$PWN" >vendor/bare.git/hooks/post-update; chmod +x vendor/bare.git/hooks/post-update`, host: "git push -q vendor/bare.git HEAD:refs/heads/new"},
	{name: "a submodule's submodule", script: `rm -rf lib/dep/sub/.git; ` + plant("lib/dep/sub"), host: "git status"},
	{name: "an empty submodule of a submodule", script: plant("lib/dep/empty"), host: "git status"},
}

// nestedRepo fills a checkout of the user's with other repositories.
const nestedRepo = `export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=protocol.file.allow GIT_CONFIG_VALUE_0=always
printf 'wts\nvendor\n' >.gitignore; git add -A; git commit -qm ignore; git branch mine
for n in low empty; do git init -q ../$n; git -C ../$n commit -q --allow-empty -m $n; done
git init -q ../mid; cd ../mid; git submodule --quiet add ../low sub; git submodule --quiet add ../empty empty; git commit -qm sub; cd ../repo
git submodule --quiet add ../mid lib/dep; git commit -qm mid; git submodule --quiet update --init --recursive; git -C lib/dep submodule --quiet deinit -f empty
git worktree add -q wts/mine mine; git clone -q ../mid vendor/clone; git init -q --bare vendor/bare.git; echo file >vendor/clone/file`

// TestRepositoriesInACheckout has an agent on the main checkout attack the repositories that lie in it: the user's worktrees,
// clones that are ignored, and submodules of submodules. In the control's usual layout each attack works.
func TestRepositoriesInACheckout(t *testing.T) {
	base := newRig(t)
	base.sh(nestedRepo)
	base.sh("mkdir ../plain; cp -a . ../plain/repo; for n in low mid empty; do cp -a ../$n ../plain/; done")
	pwn := filepath.Join(base.Dir, "PWNED")
	for _, a := range nestedAttacks {
		t.Run(a.name, func(t *testing.T) {
			r := base
			r.T = t
			r.hjk("run", "main", "--image", "hjk-test/tmux:1", "--detach")
			i, err := r.Instance(r.repo, "main")
			must(t, err)
			if out, err := r.Do(r.repo, "docker", "exec", "-w", r.repo, i.Container.ID, "bash", "-c", "test -f vendor/clone/file && test -z \"$(ls -A wts/mine)\" && test -e lib/dep/sub"); err != nil {
				t.Errorf("what is there inside: %s %v", out, err)
			}
			if _, err := r.Do(r.repo, "docker", "exec", "-u", me, "-w", r.repo, i.Container.ID, "bash", "-c", a.in(pwn)); err != nil {
				t.Fatal(err)
			}
			r.hjk("ps")
			_, _ = r.Do(r.repo, "sh", "-c", a.host)
			r.hjk("rm", "main", "--force")
			_, _ = r.Do(r.repo, "sh", "-c", a.host)
			if _, err := os.Stat(pwn); err == nil {
				t.Error("it ran on the host")
				_ = os.Remove(pwn)
			}
			r.nothingLeft("after the attack")

			naive := filepath.Join(r.Dir, "plain", "repo")
			if _, err := r.Do(r.repo, "docker", "run", "--rm", "-u", me, "-v", naive+":"+naive, "-w", naive, "hjk-test/tmux:1", "bash", "-c", a.in(pwn)); err != nil {
				t.Fatal(err)
			}
			_, _ = r.Do(naive, "sh", "-c", a.host)
			if err := os.Remove(pwn); err != nil {
				t.Error("the control: it does not work in the usual layout either, so this shows nothing")
			}
			r.sh("rm -rf ../plain/repo; cp -a . ../plain/repo")
		})
	}
}

// TestWorktreeInAnAgentsCheckout adds a worktree inside a checkout where an agent works already. No agent is started in it until
// that one does not see it any more.
func TestWorktreeInAnAgentsCheckout(t *testing.T) {
	r := newRig(t)
	r.sh("echo wts >.gitignore; git add -A; git commit -qm ignore; git branch x")
	r.hjk("run", "main", "--image", "hjk-test/tmux:1", "--detach")
	r.sh("git worktree add -q wts/x x")
	const told = "where the agent of branch \"main\""
	r.fails(told, "run", "x", "--image", "hjk-test/tmux:1", "--detach")
	r.hjk("recreate", "main")
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	x := r.x()
	if x.Worktree != filepath.Join(r.repo, "wts/x") {
		t.Fatal(x.Worktree)
	}
	r.inside(`set -e; exec 2>&1; echo 1 >of-x; git add of-x; git commit -qm inside`)
	main, err := r.Instance(r.repo, "main")
	must(t, err)
	if out, err := r.Do(r.repo, "docker", "exec", main.Container.ID, "bash", "-c", "ls -A "+x.Worktree+"; ! touch "+x.Worktree+"/f 2>&1"); err != nil || strings.Contains(out, "of-x") {
		t.Errorf("main's agent sees the other's worktree: %s %v", out, err)
	}

	// A container that was stopped when the worktree came is made anew.
	r.hjk("rm", "x", "--force")
	r.hjk("stop", "main")
	r.sh("git branch y; git worktree add -q wts/y y")
	r.hjk("run", "main", "--detach")
	now, err := r.Instance(r.repo, "main")
	must(t, err)
	if out, err := r.Do(r.repo, "docker", "exec", now.Container.ID, "bash", "-c", "ls -A "+r.repo+"/wts/y"); err != nil || out != "" {
		t.Errorf("main's agent sees a worktree that came while it was stopped: %s %v", out, err)
	}

	r.sh("mkdir -p ../state/headjack; git init -q ..; git -C .. commit -q --allow-empty -m home")
	if _, err := r.Hjk(r.Dir, "run", "master", "--image", "hjk-test/tmux:1", "--detach"); err == nil || !strings.Contains(err.Error(), "hjk-ls's own") {
		t.Errorf("an agent works in the folder that holds the state: %v", err)
	}
	must(t, os.RemoveAll(filepath.Join(r.Dir, ".git")))
	r.hjk("rm", "main", "--force")
	r.nothingLeft("in the end")
}
