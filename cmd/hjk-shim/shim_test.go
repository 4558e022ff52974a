package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// TestMain lets the test binary be the helper itself, as holders start themselves again.
func TestMain(m *testing.M) {
	if os.Getenv("HJK_SHIM_RUN") != "" && len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test") {
		runDir, sockDir = os.Getenv("HJK_SHIM_RUN"), os.Getenv("HJK_SHIM_SOCK")
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// place prepares a run folder and sockets as PID 1 does.
func place(t *testing.T) (env []string, runDir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hjks") //nolint:usetesting // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	env = append(os.Environ(), "HJK_SHIM_RUN="+dir+"/run", "HJK_SHIM_SOCK="+dir+"/sock")
	for _, d := range []string{"/run/sessions", "/sock"} {
		if err := os.MkdirAll(dir+d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/sock/ready", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return env, dir + "/run"
}

func startIn(t *testing.T, env []string, req shim.Start) shim.Reply {
	t.Helper()
	line, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "session", "start")
	cmd.Env, cmd.Stdin = env, bytes.NewReader(append(line, '\n'))
	out, _ := cmd.Output()
	var r shim.Reply
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if r.OK {
		t.Cleanup(func() {
			c := exec.Command(os.Args[0], "session", "kill", r.State.Name)
			c.Env = env
			_ = c.Run()
		})
	}
	return r
}

func stateOf(t *testing.T, runDir, name string) shim.State {
	t.Helper()
	var st shim.State
	b, err := os.ReadFile(filepath.Join(runDir, shim.SessionsDir, name, shim.StateFile))
	if err == nil {
		err = json.Unmarshal(b, &st)
	}
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	eventuallyWithin(t, 10*time.Second, what, f)
}

func eventuallyWithin(t *testing.T, limit time.Duration, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestSessions(t *testing.T) {
	env, dir := place(t)
	req := func(script string) shim.Start {
		return shim.Start{Name: "s", Agent: "a", Argv: []string{"sh", "-c", script}, Dir: "/", Env: []string{"SECRET=s3cr3t"}}
	}
	r := startIn(t, env, req("echo hi $SECRET; exit 7"))
	if !r.OK {
		t.Fatalf("%+v", r)
	}
	eventually(t, "it ends", func() bool { return stateOf(t, dir, "s").State == "exited" })
	if st := stateOf(t, dir, "s"); st.ExitCode == nil || *st.ExitCode != 7 {
		t.Errorf("%+v", st)
	}
	eventually(t, "its output is kept", func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, "sessions/s/log"))
		return strings.Contains(string(b), "hi s3cr3t")
	})
	r = startIn(t, env, req("kill -9 $$"))
	eventually(t, "a signal is its status", func() bool {
		st := stateOf(t, dir, r.State.Name)
		return st.ExitCode != nil && *st.ExitCode == 137
	})
	r = startIn(t, env, req("sleep 0.5; echo asking; read x; sleep 1000"))
	eventually(t, "it waits", func() bool { return stateOf(t, dir, r.State.Name).Waiting })
	if st := stateOf(t, dir, startIn(t, env, req("sleep 1000")).State.Name); st.Name != "s-2" || st.Waiting {
		t.Errorf("%+v", st)
	}
	time.Sleep(lastLook)
	if stateOf(t, dir, "s-2").Waiting {
		t.Error("a program that sleeps is said to wait")
	}
	out, _ := exec.Command("sh", "-c", "grep -la [s]3cr3t /proc/[0-9]*/cmdline 2>/dev/null").Output()
	if len(out) > 0 {
		t.Errorf("the secret is on command lines: %s", out)
	}
}

func TestRefused(t *testing.T) {
	env, dir := place(t)
	for want, req := range map[string]shim.Start{
		shim.CodeAgentMissing: {Name: "x", Argv: []string{"no-such-agent"}, Dir: "/"},
		shim.CodeBadRequest:   {Name: "../x", Argv: []string{"sh"}, Dir: "/"},
	} {
		if r := startIn(t, env, req); r.OK || r.Code != want {
			t.Errorf("%+v", r)
		}
	}
	if r := startIn(t, env, shim.Start{Name: "x", Argv: []string{"sh"}, Dir: "/none"}); r.Code != shim.CodeBadRequest {
		t.Errorf("%+v", r)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "sessions/*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestTooLong: what no program can be started with is not a program that is missing.
func TestTooLong(t *testing.T) {
	env, _ := place(t)
	long := shim.Start{Name: "x", Argv: []string{"sh", strings.Repeat("x", 200_000)}, Dir: "/"}
	if r := startIn(t, env, long); r.Code != shim.CodeBadRequest || !strings.Contains(r.Message, "too long") {
		t.Errorf("%+v", r)
	}
}

func TestCrowd(t *testing.T) {
	env, dir := place(t)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if r := startIn(t, env, shim.Start{Name: "c", Agent: "c", Argv: []string{"sleep", "1000"}, Dir: "/"}); !r.OK {
				t.Errorf("%+v", r)
			}
		})
	}
	wg.Wait()
	if all, _ := filepath.Glob(filepath.Join(dir, "sessions/c*")); len(all) != 10 {
		t.Errorf("%d sessions", len(all))
	}
}

// TestInit runs the helper as PID 1 of a new PID namespace.
func TestInit(t *testing.T) {
	for _, user := range []string{"0:0", "1234:1234"} {
		t.Run(user, func(t *testing.T) { testInit(t, user) })
	}
}

func testInit(t *testing.T, user string) {
	env, dir := place(t)
	for _, d := range []string{"", "/run", "/sock"} { // as runc leaves the sockets' folder at a second start
		if err := os.Chmod(filepath.Dir(dir)+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", os.Args[0], "init", "--user", user, "--home", "")
	cmd.Env = env
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// An interactive shell ignores SIGTERM; a zombie's parent does not collect it.
	line, err := json.Marshal(shim.Start{Name: "s", Agent: "a", Argv: []string{"bash", "--norc", "-i"}, Dir: "/"})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(in, "%s\n", line)
	eventually(t, "the first session runs", func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "sessions/s/state.json"))
		return err == nil && strings.Contains(string(b), `"pid":`) && !strings.Contains(string(b), `"pid":0`)
	})
	pid, err := exec.Command("pgrep", "-P", fmt.Sprint(cmd.Process.Pid)).Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("kill", strings.TrimSpace(string(pid))).Run(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		t.Fatal("init does not end")
	}
	if st := stateOf(t, dir, "s"); st.State != "exited" || st.ExitCode == nil {
		t.Errorf("%+v", st)
	}
}

func TestDetacher(t *testing.T) {
	for in, want := range map[string]struct {
		pass     string
		detached bool
	}{
		"abc": {"abc", false}, "a\x02d": {"a", true}, "\x10\x11": {"", true}, "\x02x": {"\x02x", false}, "\x02\x02d": {"\x02d", false},
		"\x10\x10\x11": {"\x10", true}, "\x02\x10\x11": {"\x02", true},
	} {
		var d detacher
		var pass []byte
		detached := false
		for _, b := range []byte(in) { // byte by byte: keys may come in any pieces
			p, end := d.filter([]byte{b})
			pass = append(pass, p...)
			if detached = end; end {
				break
			}
		}
		if string(pass) != want.pass || detached != want.detached {
			t.Errorf("%q: %q %v", in, pass, detached)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{0, 0, 1, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		for {
			kind, payload, err := readFrame(r)
			if err != nil {
				return
			}
			var w bytes.Buffer
			if err := writeFrame(&w, kind, payload); err != nil {
				t.Fatal(err)
			}
			if k, p, err := readFrame(&w); len(payload) <= maxFrame && (err != nil || k != kind || !bytes.Equal(p, payload)) {
				t.Error("a frame changed on its way")
			}
		}
	})
}

// FuzzScreen: whatever a program prints, the screen survives and can be drawn.
func FuzzScreen(f *testing.F) {
	f.Add([]byte("\x1b[?1049h\x1b[31mx\x1b[99;99H"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
		if err != nil {
			return
		}
		defer null.Close()
		s := newScreen(null, &logFile{}, 20, 5, func() {})
		<-s.done
		s.mu.Lock()
		s.unseen = b
		s.catchUp()
		_ = s.render(true)
		silence(s.em)
		s.mu.Unlock()
	})
}

// TestScreenThatIsSmallForAMoment: what a small terminal has no room for is there again in a larger one, unless the program has
// written meanwhile.
func TestScreenThatIsSmallForAMoment(t *testing.T) {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	s := newScreen(null, &logFile{}, 20, 5, func() {})
	<-s.done
	s.feed([]byte("\x1b]2;title\x07READY \x1b[31mremember\x1b[0m\r\nboth lines\r\n> "))
	for _, size := range [][2]int{{10, 5}, {8, 2}, {15, 4}, {120, 3}} {
		s.resize(size[0], size[1])
	}
	if got := string(s.render(true)); !strings.Contains(got, "READY \x1b[31mremember") || !strings.Contains(got, "both lines\r\n>") || !strings.Contains(got, "title") || !strings.Contains(got, "\x1b[3;3H") {
		t.Errorf("%q", got)
	}
	if s.em.Width() != 120 || s.em.Height() != 3 {
		t.Errorf("%d columns, %d rows", s.em.Width(), s.em.Height())
	}
	s.resize(4, 3)
	s.whole = nil // the program writes
	s.resize(20, 5)
	if got := string(s.render(true)); strings.Contains(got, "remember") {
		t.Errorf("%q", got)
	}
	silence(s.em)
}
