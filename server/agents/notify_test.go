package agents

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// TestNotices: each wait and each end of a session is told once, an end of long ago never, and an agent that pretends to begin to wait
// again and again is told of a few times only.
func TestNotices(t *testing.T) {
	now := time.Now()
	made := now.Add(-time.Hour)
	record := map[string]*noted{}
	i := Instance{State: StateRunning, place: place{name: "x"}}
	look := func(now time.Time, states ...shim.State) string {
		var told []string
		all, _ := note(record, i, states, now)
		for _, n := range all {
			told = append(told, n.session+" "+n.reason)
		}
		return strings.Join(told, ", ")
	}
	code := func(n int) *int { return &n }
	runs := shim.State{Name: "a", State: "running", CreatedAt: made}
	waits, ended := runs, shim.State{Name: "a", State: "exited", CreatedAt: made, EndedAt: now, ExitCode: code(0)}
	waits.Waiting = true
	old, again := shim.State{Name: "b", State: "exited", CreatedAt: made, EndedAt: now.Add(-time.Hour), ExitCode: code(1)}, waits
	again.CreatedAt = now
	for n, step := range []struct {
		states []shim.State
		told   string
	}{
		{[]shim.State{runs, old}, ""},
		{[]shim.State{waits, old}, "a waiting"},
		{[]shim.State{waits, old}, ""},
		{[]shim.State{runs, old}, ""},
		{[]shim.State{waits, old}, "a waiting"},
		{[]shim.State{ended, old}, "a exited"},
		{[]shim.State{ended, old}, ""},
		{[]shim.State{again}, "a waiting"}, // another session of that name
		{[]shim.State{{Name: "setup", State: "exited", CreatedAt: now, EndedAt: now, ExitCode: code(0)}}, ""},
		{[]shim.State{{Name: "c", State: "exited", CreatedAt: now, EndedAt: now, ExitCode: code(2)}}, "c failed"},
	} {
		if got := look(now, step.states...); got != step.told {
			t.Errorf("step %d: told %q, not %q", n, got, step.told)
		}
	}
	killed := shim.State{Name: "k", State: "exited", CreatedAt: now, EndedAt: now, ExitCode: code(143)}
	if got := look(now, killed) + ", " + look(now.Add(notifyAgain), killed); got != ", k failed" {
		t.Errorf("of a session that was killed: told %q", got)
	}
	i.State = StateStopped
	stopped := shim.State{Name: "d", State: "exited", CreatedAt: now, EndedAt: now, ExitCode: code(143)}
	crashed := stopped
	crashed.Name, crashed.ExitCode = "e", nil
	ok := shim.State{Name: setupSession, State: "exited", CreatedAt: now, EndedAt: now, ExitCode: code(0)}
	if got := look(now, stopped, crashed, ok); got != "e stopped" {
		t.Errorf("of a stopped container: told %q", got)
	}
	i.State = StateRunning
	told := 0
	for n := range 100 {
		at := now.Add(time.Minute + time.Duration(n)*time.Millisecond)
		if look(at, shim.State{Name: fmt.Sprint("s", n), State: "running", Waiting: true, CreatedAt: at}) != "" {
			told++
		}
	}
	if told != notifyBurst {
		t.Errorf("a flood was told of %d times", told)
	}
	if got := look(now.Add(2*time.Minute), again); got != "a waiting" {
		t.Errorf("after the flood: %q", got)
	}
}
