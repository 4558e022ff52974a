//go:build unix

package system

import (
	"os/signal"
	"syscall"
)

// ReadInBackground has a read of the terminal fail in a background job, which it would stop otherwise: who passes input on does not know
// whether anybody wants it.
func ReadInBackground() { signal.Ignore(syscall.SIGTTIN) }
