package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// stat is what is wanted of proc(5)'s /proc/PID/stat.
type stat struct {
	state   byte
	pgrp    int
	session int
	tty     int // device number of the controlling terminal
	tpgid   int // its foreground process group
}

func procStat(pid int) (stat, bool) {
	b, err := procFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, false
	}
	s := string(b)
	i := strings.LastIndexByte(s, ')') // the name may hold anything
	if i < 0 || i+2 >= len(s) {
		return stat{}, false
	}
	f := strings.Fields(s[i+2:])
	if len(f) < 6 {
		return stat{}, false
	}
	num := func(s string) int {
		n, _ := strconv.Atoi(s)
		return n
	}
	return stat{state: f[0][0], pgrp: num(f[2]), session: num(f[3]), tty: num(f[4]), tpgid: num(f[5])}, true
}

// procFile reads a file of /proc, with as few calls as can be: sessions do it all day.
func procFile(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	b := make([]byte, 2048)
	for n := 0; ; {
		m, err := unix.Read(fd, b[n:])
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: path, Err: err}
		}
		if n += m; m == 0 || n < len(b) && b[n-1] == '\n' {
			return b[:n], nil
		}
		b = append(b, make([]byte, len(b))...)
	}
}

// pids lists the processes that match.
func pids(match func(pid int, st stat) bool) []int {
	entries, _ := os.ReadDir("/proc")
	var all []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if st, ok := procStat(pid); ok && match(pid, st) {
			all = append(all, pid)
		}
	}
	return all
}
