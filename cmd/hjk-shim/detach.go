package main

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// detachMain ends the attach that has the viewer's id. The engine leaves a command with a terminal running when the
// connection to it is lost, so whoever goes away has to say so.
func detachMain(viewer string) int {
	want := []byte("\x00--viewer\x00" + viewer + "\x00")
	for _, pid := range pids(func(pid int, _ stat) bool {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		return err == nil && bytes.Contains(b, want)
	}) {
		_ = syscall.Kill(pid, syscall.SIGHUP)
	}
	return 0
}
