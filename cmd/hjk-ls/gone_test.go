package main

import (
	"crypto/rand"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/drive"
)

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
