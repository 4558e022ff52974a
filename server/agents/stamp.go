package agents

import (
	"os"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// sessionStamp folds the change times of all session state files into a number: it changes when one of them is
// written, made or removed. It reads no content, so an agent cannot make it expensive.
func (m *Manager) sessionStamp() int64 {
	var sum int64
	instances := filepath.Join(m.opts.StateDir, "instances")
	for _, inst := range readDir(instances) {
		sessions := filepath.Join(instances, inst.Name(), "run", shim.SessionsDir)
		for _, s := range readDir(sessions) {
			if fi, err := os.Lstat(filepath.Join(sessions, s.Name(), shim.StateFile)); err == nil {
				sum = sum*31 + fi.ModTime().UnixNano()
			}
		}
	}
	return sum
}

// readDir is os.ReadDir for a folder that may be missing.
func readDir(path string) []os.DirEntry {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil
	}
	return entries
}
