package main

import (
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// has reports whether the engine holds an image.
func (r rig) has(image string) bool {
	out, err := r.Do(r.Dir, "docker", "--host", r.Host, "image", "ls", "-aq", "--no-trunc")
	if err != nil {
		r.Fatal(err)
	}
	return strings.Contains(out, image)
}

// TestSupersededImagesGo builds one image after the other. Those go that have no name any more and that nothing uses: not what a
// container uses, not what the user named, not what the user built.
func TestSupersededImagesGo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write(".headjack.yaml", talkers+"recreate: never\n")
	text := func() string { return "FROM hjk-test/busybox:1\nRUN echo " + rand.Text() + "\n" }
	r.write("Dockerfile", text()) // an image that no other test has
	r.sh("git commit -qam text")
	r.hjk("run", "x", "--agent", "talker", "--detach")
	first := r.x()
	r.write("own/Dockerfile", text())
	own := strings.TrimSpace(r.sh("docker build -q own"))
	e := r.edit(drive.Editor{})
	var built []string
	next := func() string {
		t.Helper()
		r.write(filepath.Join(first.Worktree, "Dockerfile"), text())
		built = append(built, e.built("succeeded").Image)
		e.settled() // the next save is one of its own
		return built[len(built)-1]
	}
	next()
	named := next()
	r.docker("tag", named, "mine/kept:"+strings.ToLower(rand.Text()))
	used := next()
	r.docker("run", "-d", "--name", "uses-"+first.Container.Name, "--label", "mine="+r.Dir, used, "sleep", "100000")
	t.Cleanup(func() { r.docker("rm", "-f", "uses-"+first.Container.Name) })
	for range 3 {
		next()
	}
	r.eventually("what nothing uses goes", func() bool { return !r.has(built[0]) && !r.has(built[3]) })
	for what, image := range map[string]string{
		"the instance's": first.Image.ID, "the user's": own, "one with a name of the user's": named, "one of another container": used,
		"the last": built[5], "the one before, for who goes back": built[4],
	} {
		if !r.has(image) {
			t.Errorf("gone: %s", what)
		}
	}
	// A server that is killed right after its build leaves what the next operation of any process removes.
	e.Kill()
	r.docker("rm", "-f", "uses-"+first.Container.Name)
	r.write(filepath.Join(first.Worktree, "Dockerfile"), text())
	r.hjk("recreate", "x")
	for what, image := range map[string]string{"the container's that was removed": used, "the instance's of before": first.Image.ID} {
		if r.has(image) {
			t.Errorf("left: %s", what)
		}
	}
	r.hjk("rm", "x", "--force")
	for i, image := range built {
		if r.has(image) && image != named {
			t.Errorf("left of an instance that is gone: %d", i)
		}
	}
	if !r.has(own) || !r.has(named) {
		t.Error("an image of the user's is gone")
	}
}
