package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// config is the user's configuration.
func (r rig) config(text string) {
	r.Helper()
	file := filepath.Join(r.Dir, "config", "headjack", "config.yaml")
	must(r.T, os.MkdirAll(filepath.Dir(file), 0o755))
	must(r.T, os.WriteFile(file, []byte(text), 0o644))
}

// mark leaves a file in the container's own file system, which goes with it.
func (r rig) mark() string {
	r.Helper()
	id := r.x().Container.ID
	r.sh("docker exec -u 0 " + id + " sh -c 'echo kept >/mark'")
	return id
}

// stands checks that x has one container, with its name and in a state, and that it is the one with the mark.
func (r rig) stands(when, id, state string) {
	r.Helper()
	x := r.x()
	if x.Container == nil || x.Container.ID != id || x.Container.State != state || x.Image.Ref != swapImage {
		r.Fatalf("%s: %+v %+v, wanted %s %s", when, x.Container, x.Image, id, state)
	}
	if got := r.sh("docker export " + id + " | tar -xO mark"); got != "kept" {
		r.Fatalf("%s: the mark is %q", when, got)
	}
	r.oneContainer(when)
}

// oneContainer checks that x has one container, whose name is not that of one that stands aside.
func (r rig) oneContainer(when string) {
	r.Helper()
	names := r.sh(`docker ps -a --format '{{.Names}}' --filter label=io.headjack.branch=x --filter label=io.headjack.repo=` + r.repo)
	if names == "" || strings.Contains(names, "\n") || strings.HasSuffix(names, "-old") {
		r.Fatalf("%s: containers %q", when, names)
	}
}

// listen takes a port of the host's, as another program does.
func listen(t *testing.T, port int) (net.Listener, int) {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	must(t, err)
	return l, l.Addr().(*net.TCPAddr).Port
}

// TestWhatDoesNotStartStays: a stopped container that does not start, and in whose place none can be started either, stays as it was, with
// what is in it and the image that was asked for.
func TestWhatDoesNotStartStays(t *testing.T) {
	base := newRig(t)
	for name, c := range map[string]struct {
		prepare func(r rig) (spoil, mend func())
		say     string
		flags   []string
		another bool // it takes another container to mend it
	}{
		"a network that is gone": {
			prepare: func(r rig) (spoil, mend func()) {
				r.config("network: hjk-swap\n")
				r.sh("docker network create hjk-swap")
				return func() { r.sh("docker network rm hjk-swap") }, func() { r.config("") }
			},
			say: "hjk-swap", another: true,
		},
		"a device that is gone": {
			prepare: func(r rig) (spoil, mend func()) {
				r.sh("ln -s /dev/null " + r.Dir + "/device")
				r.image("LABEL io.headjack.docker.flags=device=" + r.Dir + "/device:/dev/mine")
				return func() { r.sh("cd ..; mv device gone") }, func() { r.sh("cd ..; mv gone device") }
			},
			say: "device", flags: []string{"--allow-privileges"},
		},
		"a source of a mount, and an image, that are gone": {
			prepare: func(r rig) (spoil, mend func()) {
				r.config("git: {ssh: true}\npull: never\n")
				sock := filepath.Join(r.Dir, "agent")
				l, err := net.Listen("unix", sock)
				must(r.T, err)
				r.Cleanup(func() { _ = l.Close() })
				r.Setenv("SSH_AUTH_SOCK", sock)
				return func() { r.sh("cd ..; mv agent gone; docker rmi -f " + swapImage) }, func() { r.sh("cd ..; mv gone agent") }
			},
			say: swapImage,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := base
			r.T = t
			r.config("")
			r.image("")
			spoil, mend := c.prepare(r)
			r.hjk(append([]string{"run", "x", "--image", swapImage, "--detach"}, c.flags...)...)
			id := r.mark()
			r.hjk("stop", "x")
			spoil()
			for range 2 {

				r.fails(c.say, append([]string{"run", "x", "--detach"}, c.flags...)...)
				r.stands("after a start that failed", id, "exited")
			}
			mend()
			r.hjk(append([]string{"run", "x", "--detach"}, c.flags...)...)
			if !c.another {
				r.stands("in the end", id, "running")
			} else if x := r.x(); x.Container.ID == id || x.Image.Ref != swapImage {
				t.Errorf("in the end: %+v %+v", x.Container, x.Image)
			}
			r.config("")
			r.hjk("rm", "x", "--delete-branch")
			r.nothingLeft("in the end")
		})
	}
}

// swapImage is an image of these tests' own, which they may take away.
const swapImage = "docker.io/hjk-swap/image:1"

// image makes swapImage, with lines of a Dockerfile, until the test ends.
func (r rig) image(lines string) {
	r.Helper()
	r.sh("printf 'FROM hjk-test/busybox:1\\nLABEL swap=1\\n" + lines + "\\n' | docker build -q -t " + swapImage + " - 2>&1")
	r.Cleanup(func() { _ = exec.Command("docker", "--host", r.Host, "rmi", "-f", swapImage).Run() })
}

// cut runs hjk-ls and kills it with SIGKILL when the engine has the first request with word in it.
func (r rig) cut(word string, args ...string) {
	r.Helper()
	cmd := r.Cmd(r.repo, r.Bin, args...)
	s := &slowEngine{engine: r.Host, word: word, answered: make(chan struct{})}
	started := make(chan *os.Process, 1)
	s.hook = func() { _ = (<-started).Kill() }
	cmd.Args = append(cmd.Args, "--host", s.listen(r.T))
	must(r.T, cmd.Start())
	started <- cmd.Process
	_ = cmd.Wait()
	select {
	case <-s.answered:
	case <-time.After(patience):
		r.Fatalf("%s was not asked for or not answered", word)
	}
}

// TestKilledExchange kills hjk-ls while the engine is asked for each step of an exchange of x's container. Whatever is used next, ps or a
// run on another branch, finds the old container as it was, running with its session or stopped, or the new one in its place.
func TestKilledExchange(t *testing.T) {
	r := newRig(t)
	r.image("")
	r.hjk("run", "x", "--image", swapImage, "--agent", "shell", "--detach")
	steps := []string{"/stop?", "/rename", "/containers/create?name=", "/start ", "DELETE "}
	for _, word := range steps {
		id := r.mark()
		r.cut(word, "recreate", "x")
		if x := r.x(); x.Container == nil || strings.HasSuffix(x.Container.Name, "-old") != (x.Container.ID == id && word != "/stop?") {
			t.Fatalf("recreate killed at %s: %+v", word, x.Container)
		}
		r.hjk("run", "y", "--image", "hjk-test/busybox:1", "--detach")
		x := r.x()
		if x.State != "running" || len(x.Sessions) != 1 || x.Sessions[0].State != "running" {
			t.Fatalf("recreate killed at %s: %+v", word, x)
		}
		if x.Container.ID == id {
			r.stands("recreate killed at "+word, id, "running")
		} else if word != "/start " && word != "DELETE " {
			t.Fatalf("recreate killed at %s: the old container is gone", word)
		}
		r.oneContainer("recreate killed at " + word)
	}
	for _, word := range steps[1:] {
		r.hjk("run", "x", "--detach")
		id := r.mark()
		r.hjk("stop", "x")
		r.cut(word, "run", "x", "--image", swapImage, "--detach")
		r.hjk("run", "y", "--detach")
		if r.x().Container.ID == id {
			r.stands("run killed at "+word, id, "exited")
		} else if word != "/start " && word != "DELETE " {
			t.Fatalf("run killed at %s: the old container is gone", word)
		}
		r.oneContainer("run killed at " + word)
	}
	r.hjk("rm", "y", "--delete-branch")
	r.hjk("rm", "x", "--delete-branch")
	r.nothingLeft("in the end")
}

// TestRequestedImageIsKept: a container that is gone is made anew from the image that was asked for at its making, or since.
func TestRequestedImageIsKept(t *testing.T) {
	r := newRig(t)
	gone := func(want string) {
		t.Helper()
		r.sh("docker rm -f " + r.x().Container.ID)
		r.hjk("run", "x", "--detach")
		if x := r.x(); x.Image.Ref != want {
			t.Fatalf("made from %+v, wanted %s", x.Image, want)
		}
	}
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--detach")
	gone("docker.io/hjk-test/busybox:1")
	r.hjk("recreate", "x", "--image", "hjk-test/tmux:1")
	gone("docker.io/hjk-test/tmux:1")
	r.hjk("rm", "x", "--delete-branch")
	r.hjk("run", "x", "--detach") // by the repository's Dockerfile, as nobody asked for another
	if x := r.x(); x.Image.Dockerfile == "" {
		t.Fatalf("%+v", x.Image)
	}
	r.hjk("rm", "x", "--delete-branch")
	r.nothingLeft("in the end")
}

// TestRunLosesNoWork: where `run` puts another container in the place of one, as the request, the start or the worktree asks for it, what an
// agent has only in the old one stops it. Without that work it goes on.
func TestRunLosesNoWork(t *testing.T) {
	r := newRig(t)
	r.image("")
	l, port := listen(t, 0)
	_ = l.Close()
	r.config(fmt.Sprintf("ports: [%d]\n", port))
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	id := r.mark()
	tree := r.x().Worktree
	inside := func(script string) {
		t.Helper()
		r.sh("docker exec -u " + me + " -w " + tree + " " + id + " sh -ec '" + script + "'")
	}
	stays := func(when, state string) {
		t.Helper()
		if x := r.x(); x.Container == nil || x.Container.ID != id || x.Container.State != state {
			t.Fatalf("%s: %+v", when, x.Container)
		}
		if got := r.sh("docker export " + id + " | tar -xO mark tmp/beside/work"); got != "kept\nwork" {
			t.Fatalf("%s: %q is left in it", when, got)
		}
		r.oneContainer(when)
	}
	inside("git worktree add -q --detach /tmp/beside; echo work >/tmp/beside/work")
	const told = "/tmp/beside/work"

	r.hjk("stop", "x")
	r.fails(told, "run", "x", "--image", swapImage, "--detach")
	stays("another image", "exited")
	r.fails("recreate x --force --image "+swapImage, "run", "x", "--image", swapImage, "--detach")
	l, _ = listen(t, port)
	r.fails(told, "run", "x", "--detach")
	stays("a port that is taken", "exited")
	_ = l.Close()
	r.hjk("run", "x", "--detach")
	stays("started again", "running")
	r.sh("git worktree remove --force " + tree)
	r.fails(told, "run", "x", "--detach")
	stays("a worktree that is gone", "running")
	r.fails("docker rm -f hjk-x-", "run", "x", "--detach")

	r.sh("docker exec -w / " + id + " rm /tmp/beside/work")
	r.hjk("run", "x", "--detach")
	if x := r.x(); x.Container.ID == id || x.Worktree != tree || x.State != "running" {
		t.Errorf("without that work: %+v", x)
	}
	r.oneContainer("in the end")
	r.hjk("rm", "x", "--delete-branch")
	r.nothingLeft("in the end")
}
