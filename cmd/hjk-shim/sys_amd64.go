package main

import "golang.org/x/sys/unix"

// Calls that newer architectures do not have any more.
const (
	sysEpollWait = unix.SYS_EPOLL_WAIT
	sysPoll      = unix.SYS_POLL
	sysSelect    = unix.SYS_SELECT
)
