package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSignalsEndWhatDoesNotEnd has a command that cannot end: nobody reads what it prints. The first signal, which it heeds as
// soon as it can, does not end it; the next one does.
func TestSignalsEndWhatDoesNotEnd(t *testing.T) {
	r := newRig(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	if _, err := unix.FcntlInt(write.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	cmd := r.Cmd(r.repo, r.Bin, "completion", "bash")
	cmd.Stdout = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	full := func() bool {
		n, err := unix.IoctlGetInt(int(read.Fd()), unix.TIOCINQ)
		return err == nil && n == 4096
	}
	for end := time.Now().Add(patience); !full() && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	signals := 0
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(doubled / 4) {
		if err := cmd.Process.Signal(syscall.SIGTERM); err == nil {
			signals++
		}
		select {
		case err = <-done:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != exitCanceled {
				t.Errorf("it ended with %v", err)
			}
			if signals < 2 {
				t.Error("the control: the first signal ended it, so this shows nothing")
			}
			return
		default:
		}
	}
	_ = cmd.Process.Kill()
	t.Errorf("%d signals did not end it: %v", signals, bytes.TrimSpace([]byte(cmd.String())))
}
