//go:build linux

// Command soak uses hjk-ls for a long time as carelessly as it can: rounds of random operations over many branches, some
// of which kill a server, a command, a container or the engine. What it does follows from the seed alone, round by round,
// so that a failure is played again with -seed N; how the operations of one round interleave is the machine's.
//
// After every few rounds each instance is asked for once more and must come up, and what git, the engine and ps tell must
// agree. In the end everything is removed, nothing may be left, and the server that served all along may not have grown.
package main

import (
	"fmt"

	"github.com/gilmanlab/hjk-ls/internal/testing/rounds"
)

func main() { rounds.Main("soak", soak) }

// settleEvery is how many rounds lie between two looks at everything.
const settleEvery = 5

func soak(g rounds.Game) (err error) {
	w, err := newWorld(g.Rand())
	if err != nil {
		return err
	}
	defer func() {
		if cerr := w.close(); err == nil {
			err = cerr
		}
	}()
	began := w.steady.grown()
	n, err := g.Play(func(n int) error {
		if err := w.round(n, g.Log); err != nil || n%settleEvery != settleEvery-1 {
			return err
		}
		return w.settle()
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(g.Log, "soak: %d rounds, %d operations, %d refused with a code\n", n, w.done.Load(), w.refused.Load())
	return w.end(began, g.Log)
}
