package main

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
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

// runHeld runs a program that is ended, as by a terminal that hangs up, when this process is told to.
func runHeld(cmd *exec.Cmd) {
	die := make(chan os.Signal, 1)
	signal.Notify(die, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(die)
	if cmd.Start() != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-die:
			_ = cmd.Process.Signal(syscall.SIGHUP)
		case <-done:
		}
	}()
	_ = cmd.Wait()
	close(done)
}
