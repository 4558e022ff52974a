package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// web is a dev server that says which branch it is, and which port of the host it was told to be at.
const web = "agents: {web: {command: [sh, -c, 'mkdir -p /tmp/w && echo $HJK_BRANCH $HJK_PORT_%[1]d >/tmp/w/index.html && exec busybox httpd -f -p %[1]d -h /tmp/w'], resume: []}}\n"

// freePort is a port that nobody has, after which there are some more.
func freePort(t *testing.T) int {
	t.Helper()
	l, port := listen(t, 0)
	_ = l.Close()
	return port
}

// get fetches a page that may not be there yet.
func get(t *testing.T, url string) string {
	t.Helper()
	c := http.Client{Timeout: 5 * time.Second}
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		res, err := c.Get(url)
		if err == nil {
			b, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if err == nil && res.StatusCode == http.StatusOK {
				return strings.TrimSpace(string(b))
			}
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", url, err)
		}
	}
}

// TestTenBranchesOnOnePort: ten branches have the same dev server on the same port, side by side. Each is reached at a port of its own,
// which stays its own over stop, start and recreate.
func TestTenBranchesOnOnePort(t *testing.T) {
	r := newRig(t)
	port := freePort(t)
	r.config(fmt.Sprintf("ports: [%d]\n"+web, port, port))
	var branches []string
	for i := range 10 {
		branches = append(branches, fmt.Sprintf("b%d", i))
	}
	each := func(f func(branch string) error) {
		t.Helper()
		var wg sync.WaitGroup
		errs := make([]error, len(branches))
		for i, b := range branches {
			wg.Go(func() { errs[i] = f(b) })
		}
		wg.Wait()
		for i, err := range errs {
			if err != nil {
				t.Fatalf("%s: %v", branches[i], err)
			}
		}
	}
	run := func(b string) error {
		_, err := r.Hjk(r.repo, "run", b, "--image", "hjk-test/busybox:1", "--agent", "web", "--detach")
		return err
	}
	start := func(b string) error {
		_, err := r.Hjk(r.repo, "run", b, "--agent", "web", "--detach")
		return err
	}
	had := map[string]int{}
	reached := func(when string) {
		t.Helper()
		seen := map[int]bool{}
		all, err := r.Instances(r.repo)
		must(t, err)
		for _, i := range all {
			if len(i.Ports) != 1 || i.Ports[0].Port != port || seen[i.Ports[0].Host] {
				t.Fatalf("%s: %s has %+v", when, i.Branch, i.Ports)
			}
			host := i.Ports[0].Host
			seen[host] = true
			if was := had[i.Branch]; was != 0 && was != host {
				t.Errorf("%s: %s moved from %d to %d", when, i.Branch, was, host)
			}
			had[i.Branch] = host
			if got, want := get(t, i.Ports[0].URL), fmt.Sprint(i.Branch, " ", host); got != want {
				t.Errorf("%s: at %s is %q, not %q", when, i.Ports[0].URL, got, want)
			}
		}
		if len(seen) != len(branches) || !seen[port] {
			t.Fatalf("%s: ports %v, the wanted one is %d", when, seen, port)
		}
	}
	each(run)
	reached("at first")
	out := r.hjk("ps")
	if !strings.Contains(out, "PORTS") || !strings.Contains(out, fmt.Sprintf("→%d", port)) {
		t.Errorf("ps: %s", out)
	}

	for _, b := range branches[:4] {
		r.hjk("stop", b)
	}
	must(t, run("late")) // it leaves those of stopped ones alone
	each(start)
	r.hjk("rm", "late", "--delete-branch")
	reached("after stop and start")

	for _, b := range branches[:4] {
		r.hjk("recreate", b)
	}
	reached("after recreate")
	each(func(b string) error { _, err := r.Hjk(r.repo, "rm", b, "--delete-branch"); return err })
	r.nothingLeft("in the end")
}

// TestTakenPortNeverStopsARun: what has the wanted port, before a container is made, while it is stopped or when it is made anew, leads to
// another port, which is told where it replaces one that was known.
func TestTakenPortNeverStopsARun(t *testing.T) {
	r := newRig(t)
	l, port := listen(t, 0)
	r.config(fmt.Sprintf("ports: [%d, \"80:79\"]\n"+web, port, port))
	says := func(args string) string { return r.sh(r.Bin + " " + args + " 2>&1") }
	at := func(inside int) int {
		t.Helper()
		for _, p := range r.x().Ports {
			if p.Port == inside {
				return p.Host
			}
		}
		t.Fatalf("%d is not published: %+v", inside, r.x().Ports)
		return 0
	}
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--agent", "web", "--detach")
	second := at(port)
	if second <= port {
		t.Errorf("published at %d", second)
	}
	if p := at(79); p != 80 && p < 8080 {
		t.Errorf("the port that needs root is published at %d", p)
	}
	if got := get(t, fmt.Sprintf("http://127.0.0.1:%d", second)); got != fmt.Sprint("x ", second) {
		t.Errorf("%q", got)
	}
	_ = l.Close()
	r.hjk("recreate", "x")
	if at(port) != second {
		t.Errorf("moved to %d as its first wish became free", at(port))
	}

	r.hjk("stop", "x")
	l, _ = listen(t, second)
	defer l.Close()
	if out := says("run x --agent web --detach"); !strings.Contains(out, fmt.Sprintf("as port %d is taken", second)) {
		t.Errorf("run: %s", out)
	}
	third := at(port)
	if third == second {
		t.Errorf("said to be at %d, which another has", third)
	}
	if got := get(t, fmt.Sprintf("http://127.0.0.1:%d", third)); got != fmt.Sprint("x ", third) {
		t.Errorf("%q", got)
	}
	r.oneContainer("in the end")
	r.hjk("rm", "x", "--delete-branch")
	r.nothingLeft("in the end")
}

// TestPortsWithoutANetwork: there is nothing to publish, and what can be done is told.
func TestPortsWithoutANetwork(t *testing.T) {
	r := newRig(t)
	r.config("network: none\nports: [38231]\n")
	if out := r.sh(r.Bin + " run x --image hjk-test/busybox:1 --detach 2>&1"); !strings.Contains(out, "hjk-ls forward x 38231") {
		t.Errorf("%s", out)
	}
	if x := r.x(); len(x.Ports) > 0 {
		t.Errorf("%+v", x.Ports)
	}
	r.hjk("rm", "x", "--delete-branch")
}
