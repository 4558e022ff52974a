//go:build unix && !linux

package system

import "os/exec"

// LimitMemory does nothing here: only Linux lets another process's limits be set.
func LimitMemory(*exec.Cmd, uint64) {}
