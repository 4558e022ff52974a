package main

import (
	"crypto/rand"
	"path/filepath"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// TestFailureGoesWithItsDockerfile has failures in files that no editor has open, and takes the files away. One that comes
// back has its failure again, without a build.
func TestFailureGoesWithItsDockerfile(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hjk("run", "x", "--agent", "shell", "--detach")
	e := r.edit(drive.Editor{})
	for _, c := range []struct {
		dir        string
		gone, back func()
	}{
		{r.repo, func() { r.sh("mv Dockerfile aside") }, func() { r.sh("mv aside Dockerfile") }},
		{r.x().Worktree, func() { r.hjk("rm", "x", "--force") }, nil},
	} {
		file := filepath.Join(c.dir, "Dockerfile")
		r.write(file, "FROM hjk-test/busybox:1\nRUN echo "+rand.Text()+"; exit 3\n")
		if d := e.diagnosed(`"build_failed"`); d.URI != drive.FileURI(file) {
			t.Fatalf("%s: %+v", file, d)
		}
		c.gone()
		if d := e.diagnosed(clearDiagnostics); d.URI != drive.FileURI(file) {
			t.Fatalf("%s: %+v", file, d)
		}
		if c.back == nil {
			continue
		}
		e.forgetBuilds()
		c.back()
		if d := e.diagnosed(`"build_failed"`); d.URI != drive.FileURI(file) {
			t.Fatalf("%s: %+v", file, d)
		}
		e.silent("a failure that is known")
	}
}

// TestBuildThatIsCutOffIsMadeUpFor takes a Dockerfile away while it is built, as a rebase does, and brings it back.
func TestBuildThatIsCutOffIsMadeUpFor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{})
	want := rand.Text()
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN sleep 3; echo "+want+" > /x\n")
	e.await("$/progress", "RUN sleep")
	r.sh("mv Dockerfile aside")
	e.built("canceled")
	r.sh("mv aside Dockerfile")
	if got := r.cat(e.built("succeeded").Image, "/x"); got != want {
		t.Errorf("built with %q", got)
	}
	r.sh("mv Dockerfile aside")
	e.settled()
	r.sh("mv aside Dockerfile")
	e.silent("a Dockerfile that was built")
}

// TestRemovalEndsBuildsForAllEditors removes an instance whose image is being built.
func TestRemovalEndsBuildsForAllEditors(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hjk("run", "x", "--agent", "shell", "--detach")
	both := []*editor{r.edit(drive.Editor{}), r.edit(drive.Editor{})}
	r.write(filepath.Join(r.x().Worktree, "Dockerfile"), "FROM hjk-test/busybox:1\nRUN sleep 100000; echo "+rand.Text()+"\n")
	for _, e := range both {
		e.built("running")
	}
	r.hjk("rm", "x", "--force")
	for _, e := range both {
		e.built("canceled")
	}
}
