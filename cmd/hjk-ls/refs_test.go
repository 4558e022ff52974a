package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// private is the folder of x's git directory on the host.
func (r rig) private() string {
	r.Helper()
	dirs, err := filepath.Glob(filepath.Join(r.Dir, "state", "headjack", "instances", "hjk-x-*", "git"))
	if err != nil || len(dirs) != 1 {
		r.Fatalf("%v %v", dirs, err)
	}
	return dirs[0]
}

// countGit makes hjk-ls count the commands of git that it runs from now on.
func (r rig) countGit() (count func() int) {
	r.Helper()
	dir := r.TempDir()
	real := r.sh("command -v git")
	r.write(filepath.Join(dir, "git"), "#!/bin/sh\necho 1 >>"+dir+"/n\nexec "+real+` "$@"`+"\n")
	if err := os.Chmod(filepath.Join(dir, "git"), 0o755); err != nil {
		r.Fatal(err)
	}
	r.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() int {
		b, _ := os.ReadFile(filepath.Join(dir, "n"))
		_ = os.Remove(filepath.Join(dir, "n"))
		return strings.Count(string(b), "\n")
	}
}

// manyBranches makes branches inside that have a commit each, from one number to another.
func manyBranches(from, to int) string {
	return fmt.Sprintf(`m=$(git rev-parse HEAD); for i in $(seq %d %d); do printf 'commit refs/heads/many/%%d\ncommitter a <a@a> %%d +0000\ndata 1\nx\nfrom %%s\n\n' $i $i $m; done | git fast-import --quiet`, from, to)
}

// own counts the references of x's agent that the host has.
func own(i agents.Instance) (n int) {
	if i.Git != nil {
		n = len(i.Git.Refs)
	}
	return n
}

// arrived is ps once n references of x's agent are here. A machine that is slow needs several: each keeps what came over.
func (r rig) arrived(n int) (x agents.Instance) {
	r.Helper()
	for range 10 {
		if x = r.x(); own(x) == n {
			break
		}
	}
	if own(x) != n {
		r.Errorf("%d of %d references came over: %s %s", own(x), n, x.Git.State, x.Git.Message)
	}
	return x
}

// TestManyReferences has 1200 branches made inside: all come over with about as many commands of git as one does. The control is
// that one costs several, so that one after the other would be thousands.
func TestManyReferences(t *testing.T) {
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	r.inside(manyBranches(1, 1))
	count := r.countGit()
	if x := r.x(); own(x) != 1 {
		t.Fatalf("%+v", x.Git)
	}
	one := count()
	if one < 3 {
		t.Fatalf("the control: one reference costs %d commands of git, so this shows nothing", one)
	}
	r.inside(manyBranches(2, 1200))
	x := r.arrived(1200)
	if many := count(); x.Git.State != "synced" || many > 300 {
		t.Errorf("%d commands of git for 1200 references, for one it is %d: %+v", many, one, x.Git)
	}
	if r.x(); count() > one {
		t.Error("when nothing has happened, all is looked at again")
	}
	// One that is broken is found among many, and the others come.
	r.inside(manyBranches(1201, 1300) + `; b=$(git commit-tree -m broken -p $(git rev-parse HEAD^0) HEAD^{tree}); git update-ref refs/heads/many/broken $b; rm -f $G/objects/${b:0:2}/${b:2}`)
	if x := r.arrived(1300); x.Git.State != "held" || !strings.Contains(x.Git.Message, "heads/many/broken of") {
		t.Errorf("%s %s", x.Git.State, x.Git.Message)
	}
	r.inside(`git for-each-ref --format='delete %(refname)' refs/heads/many | git update-ref --stdin`)
	if x := r.arrived(0); x.Git.State != "synced" {
		t.Errorf("%+v", x.Git)
	}
	// Beyond the ceiling it is told, and the branch comes all the same.
	r.inside(`i=$(git commit-tree -m apart -p HEAD HEAD^{tree}); for n in $(seq 5100); do echo "$i refs/wip/$n"; done >>$G/packed-refs; git commit -q --allow-empty -m beside`)
	if x := r.arrived(5000 - 1); x.Git.State != "held" || !strings.Contains(x.Git.Message, "beyond 5000") || r.sh("git log -1 --format=%s x") != "beside" {
		t.Errorf("%s %s", x.Git.State, x.Git.Message)
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}

// bomb makes a commit of few objects that names 10^8 paths.
const bomb = `t=$(echo x | git hash-object -w --stdin); l=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf "100644 blob $t\tf$i\n"; done | git mktree)
for n in 1 2 3 4 5 6 7; do l=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf "040000 tree $l\td$i\n"; done | git mktree); done
git update-ref refs/heads/NAME $(git commit-tree -m bomb -p HEAD $l)`

// psMemory is the most memory that ps, or a git that it ran, had.
func (r rig) psMemory() (x agents.Instance, mib int64) {
	r.Helper()
	cmd := r.Cmd(r.repo, r.Bin, "ps", "--json")
	out, err := cmd.Output()
	var res agents.ListResult
	if err != nil || json.Unmarshal(out, &res) != nil || len(res.Instances) != 1 {
		r.Fatalf("%s %v", out, err)
	}
	return res.Instances[0], cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
}

// TestObjectsThatCost has objects made inside that are small there and large for who reads them carelessly, each with a control
// that is careless.
func TestObjectsThatCost(t *testing.T) {
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	held := func(what, why string) {
		t.Helper()
		x, mib := r.psMemory()
		if x.Git == nil || x.Git.State != "held" || !strings.Contains(x.Git.Message, why) || mib > 300 {
			t.Errorf("%s: %+v, %d MiB", what, x.Git, mib)
		}
	}
	agent := filepath.Join(r.private(), "agent")
	careless := func(script string) string {
		t.Helper()
		out, err := r.Do(agent, "bash", "-c", "export GIT_DIR=. GIT_ALTERNATE_OBJECT_DIRECTORIES="+r.repo+"/.git/objects\n"+script)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	r.inside(strings.ReplaceAll(bomb, "NAME", "bomb"))
	held("a branch that names 10^8 paths", "paths")
	if n, _ := strconv.Atoi(careless("git ls-tree -r bomb | head -n 1100000 | wc -l")); n <= 1000000 {
		t.Errorf("the control: it has but %d paths", n)
	}
	r.inside(strings.ReplaceAll(bomb, "NAME", "x") + "\ngit branch -D bomb")
	held("such a commit on the branch itself", "paths")
	r.inside("git reset -q --soft HEAD~1; git reset -q")

	r.inside(`l=$(printf '' | git mktree); for i in $(seq 1000); do l=$(printf "040000 tree $l\td\n" | git mktree); done; git update-ref refs/heads/deep $(git commit-tree -m deep $l)`)
	held("folders in folders", "nested")
	r.inside("git branch -D deep")

	// A commit whose message is 200 MB of zeros is 200 KB.
	r.inside(`f=/tmp/c; { printf 'tree %s\nauthor a <a@a> 1 +0000\ncommitter a <a@a> 1 +0000\n\n' $(git rev-parse HEAD^{tree}); head -c 200000000 /dev/zero | tr '\0' x; } >$f
git update-ref refs/heads/long $(git hash-object -t commit -w $f); rm $f`)
	held("a commit of 200 MB", "unpacks to")
	if n, _ := strconv.Atoi(careless("git log -1 --format=%B long | wc -c")); n < 200000000 {
		t.Errorf("the control: git reads %d bytes", n)
	}
	r.inside("git branch -D long")

	// A pack of 14 GB that holds nothing takes nothing on the host.
	name := "pack-" + strings.Repeat("a", 40)
	for ext, size := range map[string]int64{".pack": 14 << 30, ".idx": 1100} { // the image has no truncate
		file := filepath.Join(agent, "objects", "pack", name+ext)
		r.write(file, "")
		if err := os.Truncate(file, size); err != nil {
			t.Fatal(err)
		}
	}
	r.inside("git commit -q --allow-empty -m beside")
	x := r.x()
	copied := filepath.Join(r.private(), "trusted", "objects", "pack", name+".pack")
	fi, err := os.Stat(copied)
	if err != nil || fi.Size() != 14<<30 || fi.Sys().(*syscall.Stat_t).Blocks > 1000 {
		t.Errorf("the copy: %+v %v, %+v", fi, err, x.Git)
	}
	if got := r.sh("git log -1 --format=%s x"); got != "beside" {
		t.Errorf("the host has %q: %+v", got, x.Git)
	}
	if kb, _ := strconv.Atoi(careless("truncate -s 64M sparse; cat sparse >/tmp/careless.$$; du -k /tmp/careless.$$ | cut -f1; rm sparse /tmp/careless.$$")); kb < 60000 {
		t.Errorf("the control: a careless copy takes %d KB", kb)
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}

// TestHeldGoesAway has what held an instance end without a reference changing, and a state that was damaged.
func TestHeldGoesAway(t *testing.T) {
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	dir := r.private()

	r.inside(`git tag file $(echo x | git hash-object -w --stdin); git tag -a -m m folder HEAD^{tree}`)
	if x := r.x(); x.Git.State != "synced" || own(x) != 2 || r.sh("git cat-file -p "+x.Git.Refs[0].Ref) != "x" {
		t.Errorf("tags of a file and a folder: %+v", x.Git)
	}
	if _, err := r.Do(r.repo, "git", "diff-tree", "-r", "HEAD", r.x().Git.Refs[0].Commit); err == nil {
		t.Error("the control: git compares a commit with a file")
	}
	r.fails("(a blob)", "rm", "x")
	r.inside("git tag -d file folder")

	// Writing to /dev/full fails as on a full disk.
	full := filepath.Join(dir, "trusted", "packed-refs")
	r.sh("rm -f " + full + "; ln -s /dev/full " + full)
	r.inside("git commit -q --allow-empty -m full")
	if x := r.x(); x.Git.State != "held" || !strings.Contains(x.Git.Message, "no space left") {
		t.Errorf("on a full disk: %+v", x.Git)
	}
	r.sh("rm " + full)
	late := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "retry"), late, late); err != nil {
		t.Fatal(err)
	}
	if x := r.x(); x.Git.State != "held" {
		t.Errorf("the control: it is %s also when no try is due", x.Git.State)
	}
	soon := time.Now()
	if err := os.Chtimes(filepath.Join(dir, "retry"), soon, soon); err != nil {
		t.Fatal(err)
	}
	if x := r.x(); x.Git.State != "synced" || r.sh("git log -1 --format=%s x") != "full" {
		t.Errorf("when there is room again: %+v", x.Git)
	}

	for i, state := range []string{"", "{", "null", `{"inside":"x","ba`} {
		if json.Valid([]byte(state)) && state != "null" {
			t.Fatalf("the control: %q is a state", state)
		}
		r.write(filepath.Join(dir, "state.json"), state)
		r.sh("rm -f " + filepath.Join(dir, "mirrored"))
		subject := fmt.Sprint("after damage ", i)
		r.inside("git commit -q --allow-empty -m '" + subject + "'")
		if x := r.x(); x.Git.State != "synced" || r.sh("git log -1 --format=%s x") != subject {
			t.Errorf("a state of %q: %+v", state, x.Git)
		}
	}
	// A state that is gone does not make run begin anew over commits that nobody has seen.
	r.sh("rm " + filepath.Join(dir, "state.json"))
	r.inside("git commit -q --allow-empty -m unseen")
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	if got := r.sh("git log -1 --format=%s x"); got != "unseen" {
		t.Errorf("the host has %q", got)
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}
