package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// latency is that of an engine on another continent, or on a machine that swaps.
const latency = 1500 * time.Millisecond

// farAway is the engine of the test run behind a socket that passes on everything so much later. It gives its address.
func (r rig) farAway() string {
	r.Helper()
	sock := filepath.Join(r.TempDir(), "s")
	l, err := net.Listen("unix", sock)
	must(r.T, err)
	r.Cleanup(func() { _ = l.Close() })
	engine := strings.TrimPrefix(r.Host, "unix://")
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", engine)
			if err != nil {
				_ = near.Close()
				continue
			}
			go later(far, near, latency/2)
			go later(near, far, latency/2)
		}
	}()
	return "unix://" + sock
}

// later passes on what comes from one side to the other, each piece after a while, however many are under way.
func later(to, from net.Conn, after time.Duration) {
	type piece struct {
		at time.Time
		b  []byte
	}
	way := make(chan piece, 1<<10)
	go func() {
		for p := range way {
			time.Sleep(time.Until(p.at))
			if _, err := to.Write(p.b); err != nil {
				break
			}
		}
		if c, ok := to.(*net.UnixConn); ok {
			_ = c.CloseWrite()
		}
		for range way { // nobody takes it any more
		}
	}()
	for {
		b := make([]byte, 32<<10)
		n, err := from.Read(b)
		if n > 0 {
			way <- piece{time.Now().Add(after), b[:n]}
		}
		if err != nil {
			close(way)
			return
		}
	}
}

// TestEngineFarAway: an engine that answers each question after 1.5 s is reachable, and all is done on it.
func TestEngineFarAway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	host := r.farAway()
	// The control: three questions one after the other, each answered, take longer than a search may that ends after 2 s.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(host, "unix://"))
	}}}
	var err error
	for _, path := range []string{"/_ping", "/version", "/info"} {
		var req *http.Request
		req, err = http.NewRequestWithContext(ctx, http.MethodGet, "http://engine"+path, nil)
		must(t, err)
		var res *http.Response
		if res, err = client.Do(req); err != nil {
			break
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the control: the engine answers in time: %v", err)
	}

	r.hjk("--host", host, "run", "x", "--image", "hjk-test/busybox:1", "--detach")
	all, err := r.Instances(r.repo, "--host", host)
	if err != nil || len(all) != 1 || all[0].State != agents.StateRunning {
		t.Errorf("%+v %v", all, err)
	}
	r.hjk("--host", host, "rm", "x", "--force")
	r.nothingLeft("in the end")
}
