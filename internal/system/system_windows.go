package system

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/windows"
)

// Flags for opening files where an agent can write. Windows has neither; os.Root keeps such files inside their folder.
const (
	NoFollow = 0
	NonBlock = 0
)

// TryLock takes a lock on an open file, or gives ErrLocked. It goes with the handle.
func TryLock(f *os.File, exclusive bool) error {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}

// FreeBytes is the space the user may still use on path's volume.
func FreeBytes(path string) (uint64, error) {
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(p, &free, nil, nil)
	return free, err
}

// OwnSession is OwnGroup: there is no terminal that a command could be kept from otherwise.
func OwnSession(cmd *exec.Cmd) { OwnGroup(cmd) }

// OwnGroup keeps the console's Ctrl+C from a command.
func OwnGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &windows.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// EndGroup ends a command.
func EndGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

// KillGroup does nothing: EndGroup killed.
func KillGroup(*exec.Cmd) {}

// Inherit does nothing: the children of a process that was killed do not keep its locks here.
func Inherit(*exec.Cmd, ...*os.File) {}

// LimitMemory does nothing here.
func LimitMemory(*exec.Cmd, uint64) {}

// NextData is the first stretch of a file from an offset on that holds data. Here it is all of it.
func NextData(_ *os.File, from, size int64) (begin, end int64, err error) {
	if from >= size {
		return 0, 0, io.EOF
	}
	return from, size, nil
}

// Alive reports whether a process is there.
func Alive(pid int) bool {
	h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return errors.Is(err, windows.ERROR_ACCESS_DENIED)
	}
	defer windows.CloseHandle(h)
	state, err := windows.WaitForSingleObject(h, 0)
	return err != nil || state == uint32(windows.WAIT_TIMEOUT)
}

// sizePoll is how often the console's size is looked at: there is no signal.
const sizePoll = 250 * time.Millisecond

// SizeChanges tells when the terminal's size may have changed, until stop.
func SizeChanges() (changes <-chan os.Signal, stop func()) {
	c, done := make(chan os.Signal, 1), make(chan struct{})
	go func() {
		t := time.NewTicker(sizePoll)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				select {
				case c <- os.Interrupt:
				default:
				}
			}
		}
	}()
	return c, sync.OnceFunc(func() { close(done) })
}

// FileNumbers are the device and the inode of a file; Windows tells them otherwise.
func FileNumbers(fs.FileInfo) (dev, ino uint64, ok bool) { return 0, 0, false }

// Group is not known here.
func Group(fs.FileInfo) (gid uint32, ok bool) { return 0, false }

// Writable reports whether the user may make and delete names in a folder, which Windows tells only who tries.
func Writable(string) bool { return true }
