package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of all that its program leaves behind, so that a session's processes can be told
// without reading those of all others.
func adoptOrphans() bool {
	if unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != nil {
		return false
	}
	_, err := os.Stat("/proc/thread-self/children") // not every kernel has it
	return err == nil
}

// family lists the processes of the session that match.
func (h *holder) family(match func(pid int, st stat) bool) []int {
	if !h.adopts {
		return pids(match)
	}
	var all []int
	seen := map[int]bool{}
	for next := children(os.Getpid()); len(next) > 0; {
		pid := next[len(next)-1]
		if next = next[:len(next)-1]; seen[pid] {
			continue
		}
		seen[pid] = true
		if st, ok := procStat(pid); ok && match(pid, st) {
			all = append(all, pid)
		}
		next = append(next, children(pid)...)
	}
	return all
}

// children lists those of all threads of a process.
func children(pid int) (all []int) {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "task")
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, t := range tasks {
		b, err := procFile(filepath.Join(dir, t.Name(), "children"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return all
		}
		for _, f := range strings.Fields(string(b)) {
			if child, err := strconv.Atoi(f); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}
