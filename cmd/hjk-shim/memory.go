package main

import (
	"os"
	"strconv"
	"strings"
)

// memoryEvents are where the kernel counts what it killed in this container for want of memory: in cgroups of version 2, and of 1.
var memoryEvents = []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"}

// memoryKills is that count, 0 where nobody tells.
func memoryKills() int {
	for _, name := range memoryEvents {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
				count, _ := strconv.Atoi(strings.TrimSpace(n))
				return count
			}
		}
	}
	return 0
}
