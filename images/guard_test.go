package images

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestFence builds with both builders what a build that nobody asked for may not do. The control of each is the same build, asked
// for.
func TestFence(t *testing.T) {
	var hits atomic.Int64
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) })}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	url := "http://" + l.Addr().String() + "/"
	base := builderFor(t, t.TempDir())
	trigger := base.tagged(t, "FROM hjk-test/busybox:1\nONBUILD ADD "+url+"onbuild /x\n")
	// One base only: BuildKit v0.34.2 sets a field without a lock when it resolves two (builder/resolvecache.go).
	for name, text := range map[string]string{
		"ADD":              "FROM hjk-test/busybox:1\nADD " + url + "%s /x\n",
		"by an argument":   "FROM hjk-test/busybox:1\nARG U=" + url + "%s\nADD $U /x\n",
		"of another stage": "FROM hjk-test/busybox:1 AS a\nADD " + url + "%s /x\nFROM scratch\nCOPY --from=a /x /x\n",
		"by ONBUILD":       "FROM " + trigger + "\nENV SALT=%s\n",
	} {
		for _, classic := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s classic=%v", name, classic), func(t *testing.T) {
				b := builderFor(t, t.TempDir())
				b.classic = classic
				hits.Store(0)
				files := map[string]string{"Dockerfile": fmt.Sprintf(text, rand.Text())}
				for _, network := range []bool{true, false} {
					_, err := buildIn(t, b, t.Context(), files, guardedBy(Guard{Network: network}), nil)
					var be *BuildError
					if !errors.Is(err, errUnasked) && (err == nil || !strings.Contains(err.Error(), errUnasked.Error())) || !errors.As(err, &be) {
						t.Errorf("network %v: %v", network, err)
					}
				}
				if n := hits.Load(); n > 0 {
					t.Errorf("it was fetched %d times", n)
				}
				if _, err := buildIn(t, b, t.Context(), files, BuildOptions{}, nil); err != nil || hits.Load() == 0 {
					t.Errorf("the control: asked for, it is fetched %d times: %v", hits.Load(), err)
				}
			})
		}
	}
}

func guardedBy(g Guard) BuildOptions {
	return BuildOptions{Guard: func([]byte) *Guard { return &g }}
}

// tagged builds a Dockerfile and gives the image's name.
func (b *Builder) tagged(t *testing.T, text string) string {
	t.Helper()
	res, err := buildIn(t, b, t.Context(), map[string]string{"Dockerfile": text}, BuildOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	name := "hjk-test/base:" + strings.ToLower(rand.Text())
	if err := b.Tag(t.Context(), res.Image.ID, []string{name}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Untag(context.Background(), name) })
	return name
}

// TestGuardedNetwork: without a network RUN has none, and only what the engine has is built on.
func TestGuardedNetwork(t *testing.T) {
	for _, classic := range []bool{false, true} {
		t.Run(fmt.Sprintf("classic=%v", classic), func(t *testing.T) {
			b := builderFor(t, t.TempDir())
			b.classic = classic
			net := func(o BuildOptions) error {
				text := "FROM hjk-test/busybox:1\nRUN grep -q eth0 /proc/net/dev && echo " + rand.Text() + "\n"
				_, err := buildIn(t, b, t.Context(), map[string]string{"Dockerfile": text}, o, nil)
				return err
			}
			if err := net(guardedBy(Guard{})); err == nil {
				t.Error("RUN has a network")
			}
			if err := net(guardedBy(Guard{Network: true})); err != nil {
				t.Errorf("the control: %v", err)
			}
			// One base each, as in TestFence.
			for _, from := range []string{"FROM 127.0.0.1:1/none:1\n", "FROM scratch\nCOPY --from=127.0.0.1:1/none:1 /x /x\n"} {
				_, err := buildIn(t, b, t.Context(), map[string]string{"Dockerfile": from}, guardedBy(Guard{}), nil)
				if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1/none:1 is not in the engine") {
					t.Errorf("%s: %v", from, err)
				}
			}
		})
	}
}

// TestGuardLimits: what the builder can bound, it is told to.
func TestGuardLimits(t *testing.T) {
	g := &Guard{Memory: 256 << 20, CPUs: 1.5}
	attrs := frontendAttrs("Dockerfile", nil, BuildOptions{Args: map[string]string{"BUILDKIT_CACHE_MOUNT_NS": "theirs"}, Caches: "ours"})
	g.limit(attrs)
	for key, want := range map[string]string{
		"memory": "268435456", "cpuperiod": "100000", "cpuquota": "150000", "force-network-mode": "none", "image-resolve-mode": "local",
		"build-arg:BUILDKIT_CACHE_MOUNT_NS": "ours",
	} {
		if attrs[key] != want {
			t.Errorf("%s is %q, not %q", key, attrs[key], want)
		}
	}
	b := builderFor(t, t.TempDir())
	b.classic = true
	limited := func(o BuildOptions) error {
		text := "FROM hjk-test/busybox:1\nRUN cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null | grep -qx 268435456 && echo " + rand.Text() + "\n"
		_, err := buildIn(t, b, t.Context(), map[string]string{"Dockerfile": text}, o, nil)
		return err
	}
	limit := Guard{Network: true, Memory: 256 << 20}
	if err := limited(guardedBy(limit)); err != nil {
		t.Errorf("the classic builder: %v", err)
	}
	if err := limited(BuildOptions{}); err == nil {
		t.Error("the control: it has the limit anyway")
	}
}
