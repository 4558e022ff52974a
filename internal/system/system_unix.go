//go:build unix

package system

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Flags for opening files where an agent can write.
const (
	NoFollow = syscall.O_NOFOLLOW // not through a symbolic link
	NonBlock = syscall.O_NONBLOCK // not waiting for the other end of a FIFO
)

// TryLock takes an advisory lock on an open file, or gives ErrLocked. The kernel drops it with the last copy of the file.
func TryLock(f *os.File, exclusive bool) error {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrLocked
		default:
			return err
		}
	}
}

// FreeBytes is the space an unprivileged user may still use on path's file system.
func FreeBytes(path string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, err
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// Writable reports whether the user may make and delete names in a folder.
func Writable(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }

// FileNumbers are the device and the inode of a file, which tell it from every other.
func FileNumbers(fi fs.FileInfo) (dev, ino uint64, ok bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return uint64(st.Dev), st.Ino, true //nolint:unconvert // Dev's type differs by system
}

// Group is the number of a file's group.
func Group(fi fs.FileInfo) (gid uint32, ok bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Gid, true
}

// OwnGroup makes EndGroup reach what a command itself starts, too.
func OwnGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// OwnSession is OwnGroup for a command that is to have no terminal either.
func OwnSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// EndGroup asks a command that OwnGroup prepared, and its children, to end.
func EndGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

// KillGroup ends what is left of them, whether it likes or not.
func KillGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}

// Inherit gives a command files to hold open.
func Inherit(cmd *exec.Cmd, files ...*os.File) { cmd.ExtraFiles = files }

// Alive reports whether a process is there.
func Alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// SizeChanges tells when the terminal's size may have changed, until stop.
func SizeChanges() (changes <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	return c, func() { signal.Stop(c) }
}
