package agents

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlowInstancesDoNotHoldUpOthers has many that take their whole time limit, and quick ones after them.
func TestSlowInstancesDoNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var side sideBySide
		var going, most atomic.Int32
		for range 10 * atOnce {
			side.do(func() {
				most.Store(max(most.Load(), going.Add(1)))
				time.Sleep(slow / 10)
				going.Add(-1)
			})
		}
		if n := most.Load(); n > atOnce {
			t.Errorf("%d at once", n)
		}
		for range 3 * atOnce {
			side.do(func() { time.Sleep(time.Minute) })
		}
		var quick time.Duration
		side.do(func() { quick = time.Since(begin) })
		side.wait()
		if quick > 10*slow || time.Since(begin) > 2*time.Minute {
			t.Errorf("quick after %s, all after %s", quick, time.Since(begin))
		}
	})
}
