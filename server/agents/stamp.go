package agents

import (
	"os"
	"path/filepath"
	"time"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/internal/system"
)

// sessionStamp folds the change times of all session state files into a number: it changes when one of them is
// written, made or removed. It reads no content, so an agent cannot make it expensive.
func (m *Manager) sessionStamp() (sum int64, settled bool) {
	now := time.Now()
	settled = true
	instances := filepath.Join(m.opts.StateDir, "instances")
	for _, inst := range readDir(instances) {
		container.SessionTimes(filepath.Join(instances, inst.Name(), "run"), func(changed time.Time) {
			sum = sum*31 + changed.UnixNano()
			settled = settled && system.Settled(changed, now)
		})
	}
	return sum, settled
}

// readDir is os.ReadDir for a folder that may be missing.
func readDir(path string) []os.DirEntry {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil
	}
	return entries
}

// known is a stamp as it was last seen.
type known[T comparable] struct {
	last    T
	settled bool
}

// changed takes a new stamp and reports whether something may have changed since the last.
func (k *known[T]) changed(now T, settled bool) bool {
	same := now == k.last && k.settled
	k.last, k.settled = now, settled
	return !same
}
