package images

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/network"
	bkclient "github.com/moby/buildkit/client"
)

// serveOn answers at an address of the host until the test ends.
func serveOn(t *testing.T, host string, h http.Handler) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: h}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return l.Addr().String()
}

// TestProxiesOfBuilds: a RUN has the proxies of the Docker CLI's configuration with both builders, and what the build leaves and says does
// not have them.
func TestProxiesOfBuilds(t *testing.T) {
	hidden := serveOn(t, "127.0.0.1", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "private") }))
	to, err := url.Parse("http://" + hidden)
	if err != nil {
		t.Fatal(err)
	}
	for _, classic := range []bool{false, true} {
		t.Run(fmt.Sprintf("classic=%v", classic), func(t *testing.T) {
			dir := t.TempDir()
			b := builderFor(t, dir)
			b.classic = classic
			bridge, err := b.api.NetworkInspect(t.Context(), "bridge", network.InspectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var asked, other atomic.Int64
			proxy := func(n *atomic.Int64) string {
				forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
				return serveOn(t, bridge.IPAM.Config[0].Gateway, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					n.Add(1)
					forward.ServeHTTP(w, r)
				}))
			}
			first, second := proxy(&asked), proxy(&other)
			configure := func(proxies map[string]map[string]string) {
				t.Helper()
				text, err := json.Marshal(map[string]any{"proxies": proxies})
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			address := func(at string) string { return "http://user:p%40ssw0rd-1@" + at }
			files := map[string]string{"Dockerfile": "FROM hjk-test/busybox:1\nRUN wget -q -O /page http://x.proxied.test/" + rand.Text() +
				"\nRUN env | grep -i _proxy= | sort; echo basic $(printf user:p@ss''w0rd-1 | base64); cat /page\n"}
			build := func(o BuildOptions) (BuildResult, string, error) {
				var said bytes.Buffer
				res, err := buildIn(t, b, t.Context(), files, o, func(s *bkclient.SolveStatus) {
					for _, l := range s.Logs {
						said.Write(l.Data)
					}
				})
				facts, _ := json.Marshal(res.Facts)
				return res, said.String() + string(facts), err
			}
			if _, _, err := build(BuildOptions{NoCache: true}); err == nil {
				t.Fatal("the control: it is there without a proxy")
			}
			configure(map[string]map[string]string{"default": {"httpProxy": address(first), "noProxy": "no.test"}})
			res, said, err := build(BuildOptions{})
			if err != nil || asked.Load() != 1 {
				t.Fatalf("asked %d times: %v\n%s", asked.Load(), err, said)
			}
			for _, want := range []string{"HTTP_PROXY=http://user:xxxxx@" + first, "http_proxy=http://user:xxxxx@" + first, "NO_PROXY=no.test", "basic xxxxx", "private"} {
				if !strings.Contains(said, want) {
					t.Errorf("no %q in %s", want, said)
				}
			}
			img, err := b.api.ImageInspect(t.Context(), res.Image.ID)
			if err != nil {
				t.Fatal(err)
			}
			history, err := b.api.ImageHistory(t.Context(), res.Image.ID)
			if err != nil {
				t.Fatal(err)
			}
			kept, _ := json.Marshal([]any{img, history})
			for _, secret := range []string{"ssw0rd", first, "no.test"} {
				if strings.Contains(string(kept), secret) {
					t.Errorf("the image has %s: %s", secret, kept)
				}
				if secret == "ssw0rd" && strings.Contains(said, secret) {
					t.Errorf("it says %s: %s", secret, said)
				}
			}

			configure(map[string]map[string]string{"default": {"httpProxy": address(first)}, b.api.DaemonHost(): {"httpProxy": address(second)}})
			again, said, err := build(BuildOptions{})
			if err != nil || again.Image.ID != res.Image.ID || asked.Load()+other.Load() != 1 {
				t.Errorf("another proxy is no other build: %v\n%s", err, said)
			}
			if _, _, err := build(BuildOptions{NoCache: true}); err != nil || other.Load() != 1 {
				t.Errorf("the engine's own proxy was asked %d times: %v", other.Load(), err)
			}
			mine := map[string]string{"HTTP_PROXY": address(first), "http_proxy": address(first)}
			if _, _, err := build(BuildOptions{NoCache: true, Args: mine}); err != nil || asked.Load() != 2 {
				t.Errorf("the user's own argument: asked %d times: %v", asked.Load(), err)
			}
			if _, _, err := build(BuildOptions{NoCache: true, Guard: guardedBy(Guard{Network: true}).Guard}); err != nil || other.Load() != 2 {
				t.Errorf("a build that nobody asked for: asked %d times: %v", other.Load(), err)
			}
			files["Dockerfile"] = "FROM hjk-test/busybox:1\nRUN env | grep -ci _proxy=; echo none; : " + rand.Text() + "\n"
			if _, said, err := build(BuildOptions{Guard: guardedBy(Guard{}).Guard}); err != nil || !strings.Contains(said, "0\nnone") {
				t.Errorf("without a network: %v %s", err, said)
			}
			files["Dockerfile"] = "FROM hjk-test/busybox:1\nARG http_proxy\nRUN echo and $http_proxy; exit 3\n"
			var be *BuildError
			if _, said, err := build(BuildOptions{}); !errors.As(err, &be) || strings.Contains(err.Error()+said, "ssw0rd") || !strings.Contains(be.LogTail, "and http://user:xxxxx@"+second) {
				t.Errorf("of a failure it says %v", err)
			}
			files["Dockerfile"] = "FROM hjk-test/busybox:1\nARG http_proxy\nCOPY $http_proxy /x/\n"
			if _, said, err := build(BuildOptions{}); err == nil || strings.Contains(err.Error()+said, "ssw0rd") {
				t.Errorf("of a name that it is part of it says %v", err)
			}
		})
	}
}

// TestVeil takes passwords out of addresses of every form that clients take.
func TestVeil(t *testing.T) {
	for address, said := range map[string]string{
		"http://u:secret@h:1": "u:xxxxx@h", "u:secret@h:1/": "u:xxxxx@h", "socks5://u:s%3Acret@h": "u:xxxxx@h", "http://u:se@cret@h/p@q": "u:xxxxx@h",
		"http://:secret@h": ":xxxxx@h",
	} {
		v := veilOver([]string{address})
		if got := v.over("by " + address); !strings.Contains(got, said) || strings.Contains(got, "cret") {
			t.Errorf("%s: %s", address, got)
		}
		if err := v.err(fmt.Errorf("at %s: %w", address, os.ErrNotExist)); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "cret") {
			t.Errorf("%s: %v", address, err)
		}
	}
	plain := []string{"http://h:1", "http://u@h", "h:1", "", "http://h/a:b@c"}
	if v := veilOver(plain); len(v) > 0 {
		t.Errorf("%q has no password, hidden is %q", plain, slices.Clone(v))
	}
}
