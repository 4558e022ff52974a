package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// TestFlood: a program that prints much ends, whoever watches: nobody, a viewer that reads, one that never does. The helper
// keeps little of it.
func TestFlood(t *testing.T) {
	const size = 24 << 20
	for _, viewer := range []string{"none", "reads", "does not read"} {
		t.Run(viewer, func(t *testing.T) {
			env, dir := place(t)
			// It begins when it is told to: the viewer is there before.
			r := startIn(t, env, shim.Start{Name: "s", Agent: "a", Dir: "/", Argv: []string{
				"sh", "-c", fmt.Sprintf("stty -echo; read x; yes 'all work and no play' | head -c %d; echo the end", size),
			}})
			if !r.OK {
				t.Fatalf("%+v", r)
			}
			c := dialSession(t, env, "s")
			eventually(t, "the viewer is attached", func() bool { return stateOf(t, dir, "s").Attached })
			eventually(t, "it waits", func() bool { return stateOf(t, dir, "s").Waiting })
			if err := writeFrame(c, frameData, []byte("go\n")); err != nil {
				t.Fatal(err)
			}
			seen := make(chan string, 1)
			switch viewer {
			case "none":
				c.Close()
			case "reads":
				go func() { seen <- everything(c) }()
			case "does not read":
				stalls(t, size)
			}
			most := 0
			eventuallyWithin(t, time.Minute, "it ends", func() bool {
				most = max(most, resident(r.State.PID))
				return stateOf(t, dir, "s").State == "exited"
			})
			if most > 80<<20 {
				t.Errorf("the helper had %d MB", most>>20)
			}
			if viewer == "reads" {
				if got := <-seen; !strings.Contains(got, "the end") {
					t.Errorf("the viewer saw at last %q", got)
				}
			}
			b, err := os.ReadFile(dir + "/sessions/s/log")
			if err != nil || !strings.HasSuffix(string(b), "the end\r\n") {
				t.Errorf("the log ends with %q, %v", tail(b), err)
			}
		})
	}
}

// stalls shows that who writes to a viewer that does not read waits for ever.
func stalls(t *testing.T, size int) {
	t.Helper()
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(make([]byte, size)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("writing to nobody: %v", err)
	}
}

// dialSession attaches as the helper's own command does.
func dialSession(t *testing.T, env []string, name string) net.Conn {
	t.Helper()
	sock := ""
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "HJK_SHIM_SOCK="); ok {
			sock = v
		}
	}
	c, err := net.Dial("unix", fmt.Sprintf("%s/%d/%s.sock", sock, os.Getuid(), name))
	if err == nil {
		_, err = io.WriteString(c, `{"Op":"attach","Cols":80,"Rows":24}`+"\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// everything reads to the end, and gives the last of it.
func everything(r io.Reader) string {
	var last []byte
	for {
		_, b, err := readFrame(r)
		if err != nil {
			return string(last)
		}
		last = tail(append(last, b...))
	}
}

// resident is the memory of a process in bytes.
func resident(pid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for _, line := range strings.Split(string(b), "\n") {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(v)[0])
			return kb << 10
		}
	}
	return 0
}

// TestProgramIgnoresNoSignals: a program that is to end by SIGPIPE or Ctrl-C does.
func TestProgramIgnoresNoSignals(t *testing.T) {
	// The standard signals alone: the others are a C library's, and their state is that of whoever started the tests.
	ignored := func(mask string) int64 {
		n, err := strconv.ParseUint(mask, 16, 64)
		if err != nil {
			t.Error(err)
		}
		return int64(n & (1<<31 - 1))
	}
	env, dir := place(t)
	startIn(t, env, shim.Start{Name: "s", Agent: "a", Dir: "/", Argv: []string{
		"sh", "-c", "grep SigIgn /proc/self/status; trap '' PIPE; echo with; grep SigIgn /proc/self/status",
	}})
	eventually(t, "it ends", func() bool { return stateOf(t, dir, "s").State == "exited" })
	var got []string
	eventually(t, "its output is kept", func() bool {
		b, _ := os.ReadFile(dir + "/sessions/s/log")
		got = strings.Fields(string(b))
		return len(got) >= 5
	})
	if i := slices.Index(got, "with"); i < 1 || ignored(got[i-1]) != 0 || ignored(got[len(got)-1]) == 0 {
		t.Errorf("the program ignores %q", got)
	}
}
