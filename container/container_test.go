package container

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"go.uber.org/goleak"
)

func env(vars map[string]string, home string) Env {
	return Env{Getenv: func(k string) string { return vars[k] }, Home: home, UID: 4242}
}

// TestUnreachable: every place that was tried is told, a socket that hangs costs no more than the others, and an
// explicit choice stands alone.
func TestUnreachable(t *testing.T) {
	defer goleak.VerifyNone(t)
	home := t.TempDir()
	sock := filepath.Join(home, ".docker/run/docker.sock")
	if err := os.MkdirAll(filepath.Dir(sock), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", sock) // answers nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct {
		vars map[string]string
		over string
		want []string
	}{
		{map[string]string{"XDG_RUNTIME_DIR": home}, "", []string{"unix://" + sock + " (well-known socket)"}},
		{map[string]string{"DOCKER_HOST": "unix:///nowhere"}, "", []string{"unix:///nowhere (DOCKER_HOST): nothing answers there"}},
		{map[string]string{"DOCKER_HOST": "unix:///nowhere"}, "tcp://127.0.0.1:1", []string{"tcp://127.0.0.1:1 (--host)"}},
		{nil, "nonsense", []string{"is no engine address"}},
	} {
		start := time.Now()
		_, err := Connect(t.Context(), ConnectOptions{Env: env(c.vars, home), Override: c.over, Passive: true, Timeout: time.Second})
		var ue *UnreachableError
		if !errors.As(err, &ue) || !IsUnreachable(err) {
			t.Fatalf("%v", err)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in %v", want, err)
			}
		}
		if time.Since(start) > 5*time.Second {
			t.Errorf("it took %v", time.Since(start))
		}
	}
}

func TestExitStatus(t *testing.T) {
	for status, want := range map[string]int{"Exited (137) 3 minutes ago": 137, "Exited (0) About an hour ago": 0, "Up 2 minutes": -1, "Exited (x)": -1, "": -1} {
		got := exitStatus(status)
		if (got == nil) != (want < 0) || got != nil && *got != want {
			t.Errorf("%q: %v", status, got)
		}
	}
}

// TestSessionsDistrustsTheRunFolder: what an agent can put there must neither hang, nor mislead, nor lead outside.
func TestSessionsDistrustsTheRunFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, "sessions", name, "state.json")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if text != "" {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	put("good", `{"name":"good","agent":"a\u001b[2Jb","state":"running","waiting":true}`)
	put("liar", `{"name":"good","state":"running"}`)
	put("torn", `{"name":"to`)
	put("odd", `{"name":"odd","state":"flying"}`)
	put("big", `{"name":"big","state":"running","agent":"`+strings.Repeat("x", 100<<10)+`"}`)
	put("-dash", `{"name":"-dash","state":"running"}`)
	if err := syscall.Mkfifo(put("fifo", ""), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", put("link", "")); err != nil {
		t.Fatal(err)
	}
	all, err := Sessions(dir, true)
	if err != nil || len(all) != 1 || all[0].Name != "good" || all[0].Agent != "a[2Jb" || !all[0].Waiting {
		t.Fatalf("%+v %v", all, err)
	}
	if all, _ = Sessions(dir, false); all[0].State != "exited" || all[0].Waiting {
		t.Errorf("without a container: %+v", all)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "sessions/good/log")); err != nil {
		t.Fatal(err)
	}
	if text, err := Log(dir, "good", 10); err == nil {
		t.Errorf("the log led outside: %q", text)
	}
	if _, err := Log(dir, "../x", 10); !errors.Is(err, ErrNoLog) {
		t.Error(err)
	}
}

func TestPlain(t *testing.T) {
	for raw, want := range map[string]string{
		"a\r\nb\r\n":             "a\nb\n",
		"\x1b[31mred\x1b[0m\n":   "red\n",
		"10%\r50%\r100%\n":       "100%\n",
		"abx\bc\n":               "abc\n",
		"\x1b]0;title\x07name? ": "name? ",
		"日本\x1b[K\n":             "日本\n",
		"日本\x1b[2K\n":            "",
		"a\x00b\x7f\n":           "ab\n",
	} {
		if got := Plain([]byte(raw)); got != want {
			t.Errorf("%q: %q", raw, got)
		}
	}
	if got := LastLines("a\nb\nc\nprompt", 2); got != "c\nprompt" {
		t.Errorf("%q", got)
	}
	if got := LastLines("a\nb\n", 1); got != "b\n" {
		t.Errorf("%q", got)
	}
}

// TestFollowLog follows across a rotation and ends with the session.
func TestFollowLog(t *testing.T) {
	dir := t.TempDir()
	s := filepath.Join(dir, "sessions/s")
	state := func(v string) {
		if err := os.WriteFile(s+"/state.json", []byte(`{"name":"s","state":"`+v+`"}`), 0o644); err != nil {
			t.Error(err)
		}
	}
	if err := os.MkdirAll(s, 0o755); err != nil {
		t.Fatal(err)
	}
	state("running")
	f, err := os.Create(s + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("one\ntwo\n")
	var out bytes.Buffer
	done := make(chan error, 1)
	go func() { done <- FollowLog(t.Context(), dir, "s", 1, &out) }()
	time.Sleep(3 * followPoll)
	f.WriteString("three\n")
	if err := os.Rename(s+"/log", s+"/log.1"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s+"/log", []byte("four\nprompt"), 0o644); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * followPoll)
	state("exited")
	select {
	case err := <-done:
		if err != nil || out.String() != "two\nthree\nfour\nprompt" {
			t.Errorf("%q %v", out.String(), err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
}

func TestFlags(t *testing.T) {
	c, h := &container.Config{}, &container.HostConfig{Tmpfs: map[string]string{}}
	err := applyFlags(c, h, []Flag{{"privileged", "true"}, {"tmpfs", "/run:size=1m"}, {"device", "/dev/fuse"}, {"cap-add", "NET_ADMIN"}, {"shm-size", "1g"}, {"sysctl", "a=b"}, {"ulimit", "nofile=10"}})
	if err != nil || !h.Privileged || h.Tmpfs["/run"] != "size=1m" || h.Devices[0].PathInContainer != "/dev/fuse" || h.ShmSize != 1<<30 {
		t.Errorf("%+v %v", h, err)
	}
	c.Env = []string{"HTTP_PROXY=ours", "HTTP_PROXYX=x"} // a proxy, say: what a label says wins, once
	if err := applyFlags(c, h, []Flag{{"env", "HTTP_PROXY=theirs"}}); err != nil || !slices.Equal(c.Env, []string{"HTTP_PROXYX=x", "HTTP_PROXY=theirs"}) {
		t.Errorf("%q %v", c.Env, err)
	}
	for _, bad := range []Flag{{"frobnicate", "1"}, {"privileged", "perhaps"}, {"sysctl", "a"}, {"shm-size", "x"}} {
		var fe *FlagError
		if err := applyFlags(c, h, []Flag{bad}); !errors.As(err, &fe) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func engineFor(t *testing.T) *Engine {
	t.Helper()
	host := os.Getenv("HJK_TEST_DOCKER_HOST")
	if host == "" {
		t.Fatal("needs a container engine: run make test")
	}
	e, err := Connect(t.Context(), ConnectOptions{Env: HostEnv(), Override: host, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// TestEvents: what happens from outside is told, and following leaves no goroutine.
func TestEvents(t *testing.T) {
	e := engineFor(t)
	ctx, cancel := context.WithCancel(t.Context())
	events := e.Events(ctx)
	time.Sleep(200 * time.Millisecond)
	res, err := e.api.ContainerCreate(ctx, &container.Config{Image: "hjk-test/busybox:1", Cmd: []string{"true"}, Labels: map[string]string{LabelRepo: t.Name()}}, nil, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Remove(context.Background(), res.ID)
	for {
		select {
		case ev := <-events:
			if ev.Containers[res.ID] != t.Name() {
				continue
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no event came")
		}
		break
	}
	cancel()
	for range events {
	}
}

func TestImageHome(t *testing.T) {
	e := engineFor(t)
	for user, want := range map[string]string{"": "/root", "0:0": "/root", "root": "/root", "nobody-there": "/home/nobody-there", "1234": "/home/headjack"} {
		if got, err := e.ImageHome(t.Context(), "hjk-test/tmux:1", user); err != nil || got != want {
			t.Errorf("%q: %q %v", user, got, err)
		}
	}
	if got := homeIn(strings.NewReader("a:x:1000:1000::/home/a:/bin/sh\n"), "1000"); got != "/home/a" {
		t.Error(got)
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"name":"x","state":"running"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, ok := decodeState(bytes.NewReader(b), "x")
		if ok && (st.Name != "x" || st.State != "running" && st.State != "exited") {
			t.Errorf("%+v", st)
		}
		_, _ = readReply(bytes.NewReader(b), "s")
		_ = Plain(b)
	})
}
