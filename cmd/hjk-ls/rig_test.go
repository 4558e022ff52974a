package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// rig is a drive.Rig whose failures are the test's.
type rig struct {
	*testing.T
	*drive.Rig
	repo string
}

// me is who runs the tests, as `docker exec -u` has it: sessions have the host's user.
var me = fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())

// newRig has a repository with an image of two layers of its own, in the engine of the test run.
func newRig(t *testing.T) rig {
	t.Helper()
	host := os.Getenv("HJK_TEST_DOCKER_HOST")
	if host == "" {
		t.Fatal("needs a container engine: run make test")
	}
	return rigOn(t, host)
}

func rigOn(t *testing.T, host string) rig {
	t.Helper()
	r, err := drive.New(t.TempDir(), host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drive.CleanUp(host, r.Dir); err != nil {
			t.Log(err)
		}
	})
	repo, err := r.Repo("repo", map[string]string{"Dockerfile": "FROM hjk-test/busybox:1\nRUN echo x > /x\n"})
	if err != nil {
		t.Fatal(err)
	}
	return rig{t, r, repo}
}

// hjk runs hjk-ls in the repository; it must succeed.
func (r rig) hjk(args ...string) string {
	r.Helper()
	out, err := r.Hjk(r.repo, args...)
	if err != nil {
		r.Fatal(err)
	}
	return out
}

// fails runs hjk-ls in the repository; it must fail and say so.
func (r rig) fails(say string, args ...string) {
	r.Helper()
	if _, err := r.Hjk(r.repo, args...); err == nil || !strings.Contains(err.Error(), say) {
		r.Fatalf("hjk-ls %s: %v; wanted %q", strings.Join(args, " "), err, say)
	}
}

func (r rig) sh(script string) string {
	r.Helper()
	out, err := r.Do(r.repo, "sh", "-ec", script)
	if err != nil {
		r.Fatal(err)
	}
	return strings.TrimSpace(out)
}

func (r rig) serve() *drive.Client {
	r.Helper()
	c, err := r.Serve(r.repo, nil)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(c.Kill)
	return c
}

// x is what ps tells of the branch x, which must be there.
func (r rig) x() agents.Instance {
	r.Helper()
	i, err := r.Instance(r.repo, "x")
	if err != nil || i == nil {
		r.Fatalf("ps of x: %v %v", i, err)
	}
	return *i
}

// nothingLeft checks that no container, volume, worktree, state folder or lock is left.
func (r rig) nothingLeft(when string) {
	r.Helper()
	left, err := r.Left()
	if err != nil || len(left) > 0 {
		r.Fatalf("%s: left %v %v", when, left, err)
	}
}

// together runs f n times at once.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
