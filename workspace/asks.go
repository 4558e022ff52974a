package workspace

import (
	"os/exec"
	"syscall"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// asking is whom what a git starts may ask: hooks, ssh, signers.
type asking int

const (
	unasked    asking = iota // it is not expected to ask
	atTerminal               // the user, at the terminal of this process
	nobody                   // it has no terminal: a question fails at once, in the place of stopping everything
)

func asks(terminal bool) asking {
	if terminal {
		return atTerminal
	}
	return nobody
}

// group puts a command where it may ask, and makes its end reach what it started.
func (a asking) group(cmd *exec.Cmd) {
	switch a {
	case atTerminal: // only who is in the terminal's own group may read from it; Ctrl-C reaches that by itself
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		return
	case nobody:
		system.OwnSession(cmd)
	default:
		system.OwnGroup(cmd)
	}
	cmd.Cancel = func() error { return system.EndGroup(cmd) } // with a filter or a submodule's git
}
