package main

import (
	"os"
	"strconv"
	"strings"
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
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
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
