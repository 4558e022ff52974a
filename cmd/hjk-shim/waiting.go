package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// quiet is how long a program that waits for its user has written nothing. Agents wait for their terminal and for their
// service in one system call, but draw that they are at work several times a second.
const quiet = time.Second

// A session is looked at when its terminal has been quiet, and then ever more rarely while nothing happens: a program may begin
// or cease to wait without a word.
const (
	firstLook = 300 * time.Millisecond
	lastLook  = time.Second
)

// attention is what decides when a session is looked at.
type attention struct {
	stirs chan struct{} // something happened in the terminal
	armed atomic.Bool   // the next that happens is to be told
	spoke atomic.Int64  // when the program wrote last, in Unix nanoseconds
	pause time.Duration // until the next look
	known *waiter       // who waited at the last look
}

func newAttention() *attention { return &attention{stirs: make(chan struct{}, 1), pause: firstLook} }

// stir tells that the program wrote or was written to. It costs nothing while nobody has looked since the last time.
func (a *attention) stir() {
	if a.armed.CompareAndSwap(true, false) {
		select {
		case a.stirs <- struct{}{}:
		default:
		}
	}
}

// wrote is stir for output that passes through this process.
func (a *attention) wrote() {
	a.spoke.Store(time.Now().UnixNano())
	a.stir()
}

// look finds out whether the program waits for its user, and when it is to be looked at again.
func (h *holder) look() (next time.Duration) {
	h.at.armed.Store(true)
	if rest := quiet - time.Since(h.spokeLast()); rest > 0 {
		h.setWaiting(false)
		h.at.pause = firstLook
		return min(rest, quiet)
	}
	was := h.at.known
	if h.at.known = h.waiter(was); (was == nil) == (h.at.known == nil) {
		h.at.pause = min(h.at.pause*3/2, lastLook)
	} else {
		h.at.pause = firstLook
	}
	waits := h.at.known != nil
	h.update(func(st *shim.State) { st.Waiting = waits && time.Since(h.spokeLast()) >= quiet }) // somebody may have answered it meanwhile
	return h.at.pause
}

// spokeLast is when the program wrote last.
func (h *holder) spokeLast() time.Time { return time.Unix(0, h.at.spoke.Load()) }

// waiter is a task in the foreground of a terminal that is blocked reading it.
type waiter struct {
	group int    // the terminal's foreground process group
	file  string // what the kernel says of the task
	says  string
}

// waiter finds a process in the foreground of the session's terminal that is blocked reading that terminal: it waits for its
// user. Silence alone says nothing, as a program may be at work or asleep. The one that was found last is tried first.
func (h *holder) waiter(last *waiter) *waiter {
	leader, ok := procStat(h.cmd.Process.Pid)
	if !ok || leader.tty == 0 {
		return nil
	}
	if last != nil && last.group == leader.tpgid {
		if b, err := procFile(last.file); err == nil && string(b) == last.says {
			return last
		}
	}
	for _, pid := range h.family(func(_ int, st stat) bool { return st.tty == leader.tty && st.pgrp == leader.tpgid }) {
		if w := waitsForTTY(pid, leader.tty); w != nil {
			w.group = leader.tpgid
			return w
		}
	}
	return nil
}

func waitsForTTY(pid, tty int) *waiter {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	for _, t := range tasks {
		dir := fmt.Sprintf("/proc/%d/task/%s", pid, t.Name())
		if b, err := procFile(dir + "/syscall"); err == nil {
			if blockedOn(pid, string(b), tty) {
				return &waiter{file: dir + "/syscall", says: string(b)}
			}
			continue
		}
		if b, err := procFile(dir + "/wchan"); err == nil && strings.Contains(string(b), "n_tty_read") {
			return &waiter{file: dir + "/wchan", says: string(b)}
		}
	}
	return nil
}

// blockedOn looks at a task's system call: its number and arguments, as proc(5) prints them, or "running".
func blockedOn(pid int, line string, tty int) bool {
	f := strings.Fields(line)
	if len(f) < 7 {
		return false
	}
	nr, err := strconv.Atoi(f[0])
	if err != nil {
		return false
	}
	arg := func(i int) int64 {
		n, _ := strconv.ParseUint(strings.TrimPrefix(f[i], "0x"), 16, 64)
		return int64(n)
	}
	switch {
	case nr == unix.SYS_READ || nr == unix.SYS_READV:
		return isTTY(pid, int(arg(1)), tty)
	case nr == unix.SYS_EPOLL_PWAIT || nr == unix.SYS_EPOLL_PWAIT2 || nr == sysEpollWait:
		return epollHas(pid, int(arg(1)), tty)
	case nr == unix.SYS_PPOLL || nr == sysPoll:
		return pollHas(pid, arg(1), int(arg(2)), tty)
	case nr == unix.SYS_PSELECT6 || nr == sysSelect:
		return selectHas(pid, int(arg(1)), arg(2), tty)
	}
	return false
}

// isTTY reports whether a process's descriptor is the terminal.
func isTTY(pid, fd, tty int) bool {
	var st unix.Stat_t
	if unix.Stat(fmt.Sprintf("/proc/%d/fd/%d", pid, fd), &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return false
	}
	if int(st.Rdev) == tty {
		return true
	}
	link, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "fd", strconv.Itoa(fd)))
	return link == "/dev/tty"
}

// epollHas looks whether the terminal is among what an epoll descriptor waits for.
func epollHas(pid, epfd, tty int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", pid, epfd))
	if err != nil {
		return false
	}
	for _, line := range strings.Split(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "tfd:" {
			continue
		}
		if fd, err := strconv.Atoi(f[1]); err == nil && isTTY(pid, fd, tty) {
			return true
		}
	}
	return false
}

// pollHas looks whether the terminal is among what poll(2) waits for, which lies in the process's memory.
func pollHas(pid int, addr int64, n, tty int) bool {
	if n < 1 || n > 1024 {
		return false
	}
	b, ok := memory(pid, addr, 8*n)
	for i := 0; ok && i+8 <= len(b); i += 8 {
		fd, events := int32(binary.NativeEndian.Uint32(b[i:])), binary.NativeEndian.Uint16(b[i+4:])
		if events&unix.POLLIN != 0 && isTTY(pid, int(fd), tty) {
			return true
		}
	}
	return !ok && isTTY(pid, 0, tty)
}

// selectHas is pollHas for select(2)'s set of descriptors to read.
func selectHas(pid, n int, addr int64, tty int) bool {
	if n < 1 || n > 1024 || addr == 0 {
		return false
	}
	b, ok := memory(pid, addr, (n+63)/64*8)
	for fd := 0; ok && fd < n; fd++ {
		if b[fd/8]&(1<<(fd%8)) != 0 && isTTY(pid, fd, tty) {
			return true
		}
	}
	return !ok && isTTY(pid, 0, tty)
}

func memory(pid int, addr int64, n int) ([]byte, bool) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return nil, false
	}
	defer f.Close()
	b := make([]byte, n)
	_, err = f.ReadAt(b, addr)
	return b, err == nil
}
