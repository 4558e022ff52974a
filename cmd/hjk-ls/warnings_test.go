package main

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// discarded is what an engine warns of when it is told to publish a port on the host's own network.
const discarded = "the engine warns: Published ports are discarded when using host network mode"

// TestEngineWarnings: what the engine warns of when it makes a container is told once, at a terminal, in a result and in an editor.
func TestEngineWarnings(t *testing.T) {
	r := newRig(t)
	l, port := listen(t, 0)
	defer l.Close()
	says := func(args string) string { return r.sh(r.Bin + " " + args + " 2>&1") }
	if out := says("run x --image hjk-test/busybox:1 --detach"); strings.Contains(out, "warns") {
		t.Errorf("the control: %s", out)
	}
	r.config("network: host\nports: [" + strings.TrimPrefix(l.Addr().String(), "127.0.0.1:") + "]\n")
	if out := says("recreate x"); !strings.Contains(out, discarded) {
		t.Errorf("recreate, port %d: %s", port, out)
	}
	r.hjk("rm", "x", "--delete-branch")
	if out := says("run x --image hjk-test/busybox:1 --detach"); !strings.Contains(out, "hjk-ls: "+discarded) {
		t.Errorf("run: %s", out)
	}
	r.hjk("stop", "x")
	if out := says("run x --detach"); strings.Contains(out, "warns") {
		t.Errorf("told twice: %s", out)
	}
	r.hjk("rm", "x", "--delete-branch")

	var mu sync.Mutex
	var shown []string
	c, err := r.Serve(r.repo, func(method string, params json.RawMessage) {
		if method == "window/showMessage" {
			mu.Lock()
			shown = append(shown, string(params))
			mu.Unlock()
		}
	})
	must(t, err)
	t.Cleanup(c.Kill)
	res, err := run(c, "x")
	must(t, err)
	if len(res.Warnings) != 1 || res.Warnings[0] != discarded {
		t.Errorf("%q", res.Warnings)
	}
	must(t, c.Command("hjk-ls.remove", agents.BranchArgs{Branch: "x"}, nil)) // what was shown before it has come
	mu.Lock()
	defer mu.Unlock()
	if len(shown) != 1 || !strings.Contains(shown[0], discarded) {
		t.Errorf("%q", shown)
	}
	must(t, c.Close())
	r.config("")
	r.nothingLeft("in the end")
}
