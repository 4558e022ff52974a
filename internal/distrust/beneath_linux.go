package distrust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// openBeneath opens name below root with no link on the way, not even one that stays inside, and never waits.
func openBeneath(root *os.Root, name string, flag int) (*os.File, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return openAt(dir, name, flag)
}

// openAt is openBeneath for a folder that is open.
func openAt(dir *os.File, name string, flag int) (*os.File, error) {
	if !filepath.IsLocal(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("the path leads out of its folder")}
	}
	how := flag | unix.O_NOFOLLOW | unix.O_CLOEXEC
	if flag&pathFlags == 0 { // openat2 refuses what has no meaning together
		how |= unix.O_NONBLOCK
	}
	fd, err := openFd(int(dir.Fd()), filepath.Clean(name), how)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if flag&unix.O_DIRECTORY != 0 {
		name = held(fd) // what is listed is looked at below the open folder
	}
	return os.NewFile(uintptr(fd), name), nil
}

// held is a path of an open file that is right whatever happens to its names.
func held(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// oldKernel is set where openat2 is missing (before Linux 5.6) or forbidden (by a seccomp profile).
var oldKernel atomic.Bool

func openFd(dir int, name string, flag int) (int, error) {
	how := unix.OpenHow{Flags: uint64(flag), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	for !oldKernel.Load() {
		fd, err := unix.Openat2(dir, name, &how)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN): // EAGAIN: something was renamed meanwhile
			continue
		case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
			oldKernel.Store(true)
			continue
		}
		return fd, err
	}
	return stepFd(dir, name, flag)
}

// stepFd goes through the path one name at a time.
func stepFd(dir int, name string, flag int) (int, error) {
	parts := strings.Split(name, "/")
	at := dir
	for i, part := range parts {
		f := flag
		if i < len(parts)-1 {
			f = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
		}
		fd, err := openOne(at, part, f)
		if at != dir {
			_ = unix.Close(at)
		}
		if err != nil {
			return -1, err
		}
		at = fd
	}
	return at, nil
}

func openOne(dir int, name string, flag int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flag, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// dirFlags open a folder to list it.
const dirFlags = unix.O_RDONLY | unix.O_DIRECTORY

// pathFlags open something without any right on it, to look at it or to hold it.
const pathFlags = unix.O_PATH

// OpenDir holds a folder below root. No part of name may be a link. The result's Name is no path to show or to join.
func OpenDir(root *os.Root, name string) (*os.Root, error) {
	f, err := openBeneath(root, name, pathFlags|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return os.OpenRoot(f.Name())
}
