package system

import (
	"os/exec"

	"golang.org/x/sys/unix"
)

// LimitMemory bounds the memory that a command which has been started, and each process that it starts from then on, can have.
// Files that it maps to read do not count.
func LimitMemory(cmd *exec.Cmd, bytes uint64) {
	_ = unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: bytes, Max: bytes}, nil) // it may have ended
}
