package main

// Calls that this architecture does not have.
const (
	sysEpollWait = -1
	sysPoll      = -1
	sysSelect    = -1
)
