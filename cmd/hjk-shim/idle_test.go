package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// TestIdleSessionsCostLittle counts what the helpers of sessions in which nothing happens read. It does not grow with the
// number of sessions, as it did when each read all processes there are.
func TestIdleSessionsCostLittle(t *testing.T) {
	const span = 3 * time.Second
	env, dir := place(t)
	var names []string
	start := func(script string) {
		r := startIn(t, env, shim.Start{Name: "s", Agent: "a", Dir: "/", Argv: []string{"sh", "-c", script}})
		if !r.OK {
			t.Fatalf("%+v", r)
		}
		names = append(names, r.State.Name)
	}
	reads := func() (each int) {
		before := map[string]int{}
		for _, n := range names {
			before[n] = readCalls(t, stateOf(t, dir, n).PID)
		}
		time.Sleep(span) // it is this while that is measured
		for _, n := range names {
			each = max(each, readCalls(t, stateOf(t, dir, n).PID)-before[n])
		}
		return each
	}
	for range 2 {
		start("read x")
		start("sleep 1000")
	}
	eventually(t, "one waits", func() bool { return stateOf(t, dir, "s").Waiting })
	few := reads()
	for range 6 {
		start("read x")
		start("sleep 1000")
	}
	eventually(t, "the last waits", func() bool { return stateOf(t, dir, names[len(names)-2]).Waiting })
	many := reads()
	naive := 0
	me := readCalls(t, os.Getpid())
	for range span / firstLook {
		_ = pids(func(int, stat) bool { return false })
	}
	naive = readCalls(t, os.Getpid()) - me
	t.Logf("a session reads %d times with 4 sessions, %d with 16, in %v; looking at all processes is %d", few, many, span, naive)
	if most := 40 * int(span/time.Second); few > most || many > most {
		t.Errorf("of 4 sessions one read %d times in %v, of 16 one %d times", few, span, many)
	}
	if naive < 2*many {
		t.Errorf("reading all processes takes %d reads: the measure measures nothing", naive)
	}
}

// readCalls is how often a process has read.
func readCalls(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if v, ok := strings.CutPrefix(line, "syscr: "); ok {
			n, err := strconv.Atoi(v)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("the kernel does not count reads")
	return 0
}

// TestWaitingIsSeen: what the program left behind in the foreground of its terminal is seen to wait, and who begins to wait without a word.
func TestWaitingIsSeen(t *testing.T) {
	env, dir := place(t)
	start := func(script string) string {
		return startIn(t, env, shim.Start{Name: "s", Agent: "a", Dir: "/", Argv: []string{"sh", "-c", script}}).State.Name
	}
	waits := func(name string, want bool) {
		t.Helper()
		eventually(t, fmt.Sprintf("waiting of %s is %v", name, want), func() bool { return stateOf(t, dir, name).Waiting == want })
	}
	orphan := start("(sh -c 'read x </dev/tty' &) ; sleep 1000")
	waits(orphan, true)
	silent := start("read -r x; sleep 1000")
	waits(silent, true)
	waits(start("sleep 2; read -r x"), true)
}
