// Command soak uses hjk-ls for a long time as carelessly as it can: rounds of random operations over many branches, some
// of which kill a server, a command, a container or the engine. What it does follows from the seed alone, round by round,
// so that a failure is played again with -seed N; how the operations of one round interleave is the machine's.
//
// After every few rounds each instance is asked for once more and must come up, and what git, the engine and ps tell must
// agree. In the end everything is removed, nothing may be left, and the server that served all along may not have grown.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

func main() {
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "what to do")
	duration := flag.Duration("duration", 30*time.Minute, "how long")
	rounds := flag.Int("rounds", 0, "stop after so many rounds; 0 is by duration alone")
	flag.Parse()
	if err := soak(*seed, *duration, *rounds, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "soak: seed %d: %v\n", *seed, err)
		os.Exit(1)
	}
}

// settleEvery is how many rounds lie between two looks at everything.
const settleEvery = 5

func soak(seed uint64, duration time.Duration, rounds int, log *os.File) (err error) {
	fmt.Fprintf(log, "soak: seed %d\n", seed)
	w, err := newWorld(rand.New(rand.NewPCG(seed, 0)))
	if err != nil {
		return err
	}
	defer func() {
		if cerr := w.close(); err == nil {
			err = cerr
		}
	}()
	began := w.steady.grown()
	deadline := time.Now().Add(duration)
	n := 0
	for ; (rounds == 0 || n < rounds) && time.Now().Before(deadline); n++ {
		if err := w.round(n, log); err != nil {
			return fmt.Errorf("round %d: %w", n, err)
		}
		if n%settleEvery == settleEvery-1 {
			if err := w.settle(); err != nil {
				return fmt.Errorf("after round %d: %w", n, err)
			}
		}
	}
	fmt.Fprintf(log, "soak: %d rounds, %d operations, %d refused with a code\n", n, w.done.Load(), w.refused.Load())
	return w.end(began, log)
}
