package main

import (
	crand "crypto/rand"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// randomSaves is how many saves the soak does, about two minutes of them.
const randomSaves = 500

// TestRandomSaves saves, cancels and switches branches at random. In the end there is the image of the last content, and
// nothing else. HJK_SEED plays one again.
func TestRandomSaves(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("HJK_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("HJK_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be played again
	r := newRig(t)
	r.inputs()
	salt := crand.Text()
	dockerfile := func(n int) string {
		return fmt.Sprintf("FROM hjk-test/busybox:1\nCOPY src /src\nRUN sleep 0.%d; echo %s-%d > /all; cat /src/a >> /all\n", rng.IntN(6), salt, n)
	}
	r.write("Dockerfile", dockerfile(0))
	r.write("src/a", "0\n")
	r.sh("git add -A; git commit -qm x; git checkout -qb other")
	r.write("Dockerfile", dockerfile(1))
	r.sh("git add -A; git commit -qm y; git checkout -q main")
	e := r.edit(drive.Editor{})
	files, folders := r.openFiles(e.Pid()), watches(t, e.Pid())
	for n := range randomSaves {
		switch rng.IntN(12) {
		case 0, 1, 2:
			r.write("Dockerfile", dockerfile(n))
		case 3:
			r.write("Dockerfile~", dockerfile(n))
			r.sh("mv Dockerfile~ Dockerfile")
		case 4, 5, 6:
			r.write("src/a", fmt.Sprintf("%d\n", n))
		case 7:
			r.write(fmt.Sprintf("src/d%d/x", n%7), fmt.Sprint(n))
		case 8:
			r.sh(fmt.Sprintf("rm -rf src/d%d", n%7))
		case 9:
			r.sh("git checkout -qf " + []string{"main", "other"}[rng.IntN(2)])
		case 10:
			r.write("Dockerfile", fmt.Sprintf("FROM hjk-test/busybox:1\nRUN exit %d\n", 1+rng.IntN(5)))
		case 11:
			e.cancelNewest()
		}
		time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
	}
	r.sh("git checkout -qf main; rm -rf src/d*")
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nCOPY src /src\nRUN echo last-"+salt+" > /all; cat /src/a >> /all\n")
	r.write("src/a", "the end\n")
	want := "last-" + salt + "\nthe end"
	r.eventually("the image of the last content", func() bool {
		last := r.records()[0].Latest
		return last.State == "succeeded" && r.cat(last.Image, "/all") == want &&
			strings.Contains(r.docker("image", "inspect", "-f", "{{.RepoTags}}", last.Image), "headjack/")
	})
	time.Sleep(500 * time.Millisecond)
	e.forgetBuilds()
	e.silent("after the last build")
	if n := watches(t, e.Pid()); n > folders+1 {
		t.Errorf("%d watches, %d at first", n, folders)
	}
	r.eventually("connections are closed", func() bool { return r.openFiles(e.Pid()) <= files+6 })
	for _, b := range r.records() {
		if b.Latest.State == "running" {
			t.Errorf("a build that never ended: %+v", b.Latest)
		}
	}
	if err := syscall.Kill(e.Pid(), syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	if stacks := e.Ended(); strings.Count(stacks, "\ngoroutine ") > 45 {
		t.Errorf("%d goroutines in the end:\n%s", strings.Count(stacks, "\ngoroutine "), stacks)
	}
	r.nothingLeft("in the end")
}

// cancelNewest presses the cancel button of the progress that began last.
func (e *editor) cancelNewest() {
	var token json.RawMessage
	for _, h := range e.all() {
		if h.method == "$/progress" && strings.Contains(string(h.params), `"kind":"begin"`) {
			var p struct{ Token json.RawMessage }
			_ = json.Unmarshal(h.params, &p)
			token = p.Token
		}
	}
	if token != nil {
		e.tell("window/workDoneProgress/cancel", map[string]any{"token": token})
	}
}

func (r rig) openFiles(pid int) int {
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		r.Fatal(err)
	}
	return len(fds)
}

type record struct {
	Latest struct{ State, Image, Error string }
}

// records are what is kept of builds.
func (r rig) records() []record {
	r.Helper()
	files, _ := filepath.Glob(r.Dir + "/state/headjack/builds/*.json")
	var all []record
	for _, f := range files {
		b, err := os.ReadFile(f)
		var rec record
		if err != nil || json.Unmarshal(b, &rec) != nil {
			r.Fatalf("%s: %v %s", f, err, b)
		}
		all = append(all, rec)
	}
	return all
}
