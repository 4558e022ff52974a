package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// reads is a Dockerfile whose image tells what it was built of.
const reads = `FROM hjk-test/busybox:1 AS base
ARG WHO=nobody
COPY src/ /src/
COPY *.conf /etc/app/
FROM base AS dev
RUN --mount=type=bind,source=tools,target=/t cat /src/a /t/tool > /all && echo "$WHO %s" >> /all
`

func watchRig(t *testing.T) (rig, string) {
	r := newRig(t)
	r.inputs()
	text := fmt.Sprintf(reads, rand.Text())
	r.write("Dockerfile", text)
	for name, s := range map[string]string{"src/a": "a1", "src/deep/b": "b1", "x.conf": "x", "tools/tool": "t1", ".dockerignore": "src/*.log\n"} {
		r.write(name, s+"\n")
	}
	r.sh("git add -A; git commit -qm files")
	return r, text
}

// TestEverySaveThatMattersBuilds saves as editors and tools do. The first build of a pattern must have the saved content.
func TestEverySaveThatMattersBuilds(t *testing.T) {
	t.Parallel()
	r, text := watchRig(t)
	e := r.edit(drive.Editor{})
	e.silent("opening a folder")
	n := 0
	for _, c := range []struct{ name, script string }{
		{"truncate and write", `echo "$S" > src/a`},
		{"write in two halves", `: > src/a; sleep 0.05; echo "$S" > src/a`},
		{"write beside and rename", `echo "$S" > src/a~; mv src/a~ src/a`},
		{"vim: probe, move away, write, delete", `touch src/4913; rm src/4913; mv src/a src/a~; echo "$S" > src/a; rm src/a~`},
		{"sed -i", `sed -i "s/.*/$S/" src/a`},
		{"delete and make again", `rm src/a; sleep 0.05; echo "$S" > src/a`},
		{"the whole folder moved", `cp -r src src2; echo "$S" > src2/a; rm -rf src; mv src2 src`},
		{"after the folder moved", `echo "$S" > src/a`},
		{"a link", `echo "$S" > src/real; ln -sf real src/a`},
		{"the link's target", `echo "$S" > src/real`},
		{"git checkout of a file", `rm src/a; echo "$S" > src/a; git add -A; git commit -qm "$S"; git rm -q --cached src/a; echo x > src/a; sleep 1; git checkout -qf HEAD -- src/a`},
		{"a burst", `for i in $(seq 3000); do echo $i > src/n$((i % 50)); done; echo "$S" > src/a`},
	} {
		n++
		s := fmt.Sprintf("s%d", n)
		r.sh("export S=" + s + "; " + c.script)
		for {
			ev := e.built("succeeded")
			if got := r.cat(ev.Image, "/all"); strings.HasPrefix(got, s+"\n") {
				break
			} else if c.name != "git checkout of a file" && c.name != "a burst" && c.name != "the whole folder moved" {
				t.Fatalf("%s: built with %q", c.name, got)
			}
		}
	}
	for _, c := range []struct{ name, script, want string }{
		{"a mounted file", "echo t2 > tools/tool", "t2"},
		{"a file that a glob has", "echo y > y.conf", ""},
		{".dockerignore", "echo 'src/b' > .dockerignore; rm -r tools", "FAIL"},
		{"and back", "git checkout -q -- tools", ""},
		{".dockerignore alone", "echo src/deep > .dockerignore", ""},
		{"settings", "printf 'build: {args: {WHO: me}}\n' > .headjack.yaml", "me "},
		{"another target", "printf 'build: {target: base}\n' > .headjack.yaml", "BASE"},
		{"and back", "rm .headjack.yaml", "nobody "},
	} {
		r.sh(c.script)
		switch c.want {
		case "FAIL":
			e.built("failed")
		case "BASE":
			if ev := e.built("succeeded"); strings.Contains(r.docker("run", "--rm", ev.Image, "ls", "/"), "all") {
				t.Errorf("%s: the other stage was built", c.name)
			}
		default:
			if got := r.cat(e.built("succeeded").Image, "/all"); !strings.Contains(got, c.want) {
				t.Errorf("%s: %q", c.name, got)
			}
		}
	}
	_ = text
}

func TestSavesThatChangeNothingBuildNothing(t *testing.T) {
	t.Parallel()
	r, text := watchRig(t)
	r.write("src/x.log", "1")
	e := r.edit(drive.Editor{})
	for _, c := range []struct{ name, script string }{
		{"the same again", "cp src/a a~; mv a~ src/a"},
		{"touch", "touch src/a Dockerfile"},
		{"a comment", "sed -i '1i # hello' Dockerfile"},
		{"blank lines", "sed -i '2i \\\\' Dockerfile"},
		{"case", "sed -i 's/^COPY src/copy src/' Dockerfile"},
		{"an ignored file", "echo 2 > src/x.log"},
		{"a file that nothing reads", "echo 2 > README"},
		{"a folder that nothing reads", "mkdir -p other/deep; echo 1 > other/deep/x"},
		{"git", "git add -A; git commit -qm x; git gc -q"},
		{"there and back", "echo z > src/a; cat tools/tool >/dev/null; echo a1 > src/a"},
		{"the Dockerfile away and back", "mv Dockerfile D; sleep 0.4; mv D Dockerfile"},
		{"a branch with the same files", "git checkout -qb other; git checkout -q main"},
	} {
		r.sh(c.script)
		e.silent(c.name)
	}
	r.write("Dockerfile", text+"RUN true\n")
	e.built("succeeded")
}

func TestBranchWithAnotherDockerfile(t *testing.T) {
	t.Parallel()
	r, _ := watchRig(t)
	r.sh(`git checkout -qb other; printf 'FROM hjk-test/busybox:1\nRUN echo other > /all\n' > Dockerfile.dev; git add -A; git commit -qm other; git checkout -q main`)
	e := r.edit(drive.Editor{})
	r.write("src/a", "first\n")
	first := e.built("succeeded").Image
	r.sh("git checkout -q -- src; git checkout -q other")
	if got := r.cat(e.built("succeeded").Image, "/all"); got != "other" {
		t.Fatalf("built %q", got)
	}
	r.sh("git checkout -q main; echo first > src/a")
	for e.built("succeeded").Image != first { // known, after a build of what was there in between
	}
	if got := r.docker("image", "inspect", "-f", "{{.Id}}", first); got != first {
		t.Fatal(got)
	}
	r.sh("git checkout -q -- src; printf 'FROM hjk-test/busybox:1\nRUN echo new > /all\n' > Dockerfile.dev")
	for r.cat(e.built("succeeded").Image, "/all") != "new" {
	}
}

func TestLinkedDockerfile(t *testing.T) {
	t.Parallel()
	r, text := watchRig(t)
	r.write("docker/one", text)
	r.write("docker/two", text+"RUN echo two > /all\n")
	r.sh("ln -sf docker/current Dockerfile; ln -s one docker/current")
	e := r.edit(drive.Editor{})
	r.sh("ln -sfn two docker/current")
	if got := r.cat(e.built("succeeded").Image, "/all"); got != "two" {
		t.Fatalf("a hop: %q", got)
	}
	r.write("docker/two", text+"RUN echo three > /all\n")
	if got := r.cat(e.built("succeeded").Image, "/all"); got != "three" {
		t.Fatalf("the file: %q", got)
	}
}

func TestNewerChangeEndsTheBuildInFlight(t *testing.T) {
	t.Parallel()
	r, _ := watchRig(t)
	e := r.edit(drive.Editor{})
	seconds := fmt.Sprint(100000 + time.Now().UnixNano()%100000)
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN sleep "+seconds+"\n")
	e.built("running")
	r.eventually("the step runs", func() bool { return running("sleep " + seconds) })
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN echo "+seconds+" > /all\n")
	e.built("canceled")
	if got := r.cat(e.built("succeeded").Image, "/all"); got != seconds {
		t.Fatalf("built %q", got)
	}
	r.eventually("the step ended", func() bool { return !running("sleep " + seconds) })
	for i := range 30 {
		r.write("Dockerfile", fmt.Sprintf("FROM hjk-test/busybox:1\nRUN sleep 0.3; echo %s-%d > /all\n", seconds, i))
		time.Sleep(40 * time.Millisecond)
	}
	for r.cat(e.built("succeeded").Image, "/all") != seconds+"-29" {
	}
	e.silent("after the last")
}

func TestKnownContentIsNotBuiltAgain(t *testing.T) {
	t.Parallel()
	r, _ := watchRig(t)
	e := r.edit(drive.Editor{})
	unique := "FROM hjk-test/busybox:1\nRUN head -c 20 /dev/urandom | base64 > /all; echo %s\n"
	r.write("Dockerfile", fmt.Sprintf(unique, "a"))
	a := e.built("succeeded").Image
	time.Sleep(500 * time.Millisecond)
	r.write("Dockerfile", fmt.Sprintf(unique, "b"))
	b := e.built("succeeded").Image
	time.Sleep(500 * time.Millisecond)
	r.docker("builder", "prune", "-af")
	r.write("Dockerfile", fmt.Sprintf(unique, "a"))
	if again := e.built("succeeded"); again.Image != a || a == b {
		t.Fatalf("%v is not %s", again, a)
	}
	if log := r.hjk("build-log"); strings.Contains(log, "RUN head") {
		t.Fatalf("it was built:\n%s", log)
	}
	r.docker("rmi", "-f", a)
	r.write("Dockerfile", fmt.Sprintf(unique, "b"))
	e.built("succeeded")
	r.write("Dockerfile", fmt.Sprintf(unique, "a"))
	if again := e.built("succeeded"); again.Image == a {
		t.Fatal("an image that is gone was named")
	}
}

// running reports whether a program runs on this machine with just this command line.
func running(command string) bool {
	procs, _ := os.ReadDir("/proc")
	for _, p := range procs {
		b, err := os.ReadFile("/proc/" + p.Name() + "/cmdline")
		if err == nil && strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", " ")) == command {
			return true
		}
	}
	return false
}

func (r rig) eventually(what string, ok func() bool) {
	r.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("never: %s", what)
		}
	}
}
