package main

import (
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// TestDevcontainerIsFollowed: what a devcontainer.json says of a build is a part of it, whatever the Dockerfile says.
func TestDevcontainerIsFollowed(t *testing.T) {
	t.Parallel()
	r, _ := watchRig(t)
	r.write(".devcontainer/Dockerfile", "FROM hjk-test/busybox:1\nARG WHAT\nRUN echo $WHAT > /all\n")
	r.write(".devcontainer/devcontainer.json", `{"build": {"dockerfile": "Dockerfile", "args": {"WHAT": "one"}}}`)
	e := r.edit(drive.Editor{})
	r.write(".devcontainer/devcontainer.json", "// a remark is no change\n"+`{"build": {"dockerfile": "Dockerfile", "args": {"WHAT": "one"}}, "forwardPorts": [3000]}`)
	e.silent("a remark")
	r.write(".devcontainer/devcontainer.json", `{"build": {"dockerfile": "Dockerfile", "args": {"WHAT": "two"}}}`)
	if got := r.cat(e.built("succeeded").Image, "/all"); got != "two" {
		t.Fatalf("another argument: %q", got)
	}
	r.write(".devcontainer/Dockerfile", "FROM hjk-test/busybox:1\nARG WHAT\nRUN echo $WHAT and more > /all\n")
	if got := r.cat(e.built("succeeded").Image, "/all"); got != "two and more" {
		t.Fatalf("another Dockerfile: %q", got)
	}
	// One with a name that comes when there is no other is found, too.
	r.sh("rm -r .devcontainer; mkdir -p later/go; printf 'FROM hjk-test/busybox:1\\nRUN echo go > /all\\n' > later/go/Dockerfile; printf '{\"build\": {\"dockerfile\": \"Dockerfile\"}}' > later/go/devcontainer.json; sleep 1; mv later .devcontainer")
	for r.cat(e.built("succeeded").Image, "/all") != "go" {
	}
}

// TestDevcontainerOfAnotherProject: its image may hold what is private to that, and is asked for.
func TestDevcontainerOfAnotherProject(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.docker("tag", "hjk-test/busybox:1", "headjack/hjk-theirs-0123456789ab:latest")
	t.Cleanup(func() { r.docker("rmi", "headjack/hjk-theirs-0123456789ab:latest") })
	r.write(".devcontainer.json", `{"image": "headjack/hjk-theirs-0123456789ab"}`)
	r.sh("git add -A; git commit -qm x")
	out, err := r.Do(r.repo, r.Bin, "run", "x", "--detach")
	if err == nil {
		t.Fatalf("another project's image was taken: %s", out)
	}
	r.sh(r.Bin + " run x --detach --allow-privileges && " + r.Bin + " rm x")
}
