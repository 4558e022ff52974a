// Package system is what differs between operating systems: locks between processes, process groups, terminals' sizes, how
// exact the times of files are.
package system

import "errors"

// ErrLocked means that somebody else holds the lock.
var ErrLocked = errors.New("locked")
