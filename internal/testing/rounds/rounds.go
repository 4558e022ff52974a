// Package rounds plays games of random operations, for internal/testing/soak and internal/testing/attack: what is done follows from a seed
// alone, round by round, so that a failure is played again with the same seed; how the operations of one round interleave
// is the machine's.
package rounds

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Game says what is played, and for how long.
type Game struct {
	Seed     uint64
	Duration time.Duration
	Rounds   int // 0 is by Duration alone
	Log      io.Writer

	ended chan os.Signal // of Main: it ends the game, also while what it needs is still being started
}

// Main plays a game of the command line.
func Main(name string, play func(Game) error) {
	g := Game{Log: os.Stdout, ended: make(chan os.Signal, 1)}
	signal.Notify(g.ended, syscall.SIGINT, syscall.SIGTERM)
	flag.Uint64Var(&g.Seed, "seed", uint64(time.Now().UnixNano()), "what to do")
	flag.DurationVar(&g.Duration, "duration", 30*time.Minute, "how long")
	flag.IntVar(&g.Rounds, "rounds", 0, "stop after so many rounds; 0 is by duration alone")
	flag.Parse()
	fmt.Fprintf(g.Log, "%s: seed %d\n", name, g.Seed)
	if err := play(g); err != nil {
		fmt.Fprintf(os.Stderr, "%s: seed %d: %v\n", name, g.Seed, err)
		os.Exit(1)
	}
}

// Rand is what the game is drawn from.
func (g Game) Rand() *rand.Rand { return rand.New(rand.NewPCG(g.Seed, 0)) }

// Play calls round until the game is over or a round fails, and tells how many there were. In Main,
// SIGINT and SIGTERM end it behind a round, so that what was started is stopped.
func (g Game) Play(round func(n int) error) (int, error) {
	deadline := time.Now().Add(g.Duration)
	n := 0
	for ; (g.Rounds == 0 || n < g.Rounds) && time.Now().Before(deadline); n++ {
		select {
		case s := <-g.ended:
			return n, fmt.Errorf("%v, before round %d", s, n)
		default:
		}
		if err := round(n); err != nil {
			return n, fmt.Errorf("round %d: %w", n, err)
		}
	}
	return n, nil
}

// Op is one operation with its arguments chosen.
type Op struct {
	What string
	Do   func() error
}

// Kind makes operations in a world W, about a branch. A violent one makes others fail that run beside it.
type Kind[W any] struct {
	Weight  int
	Violent bool
	Alone   bool
	Make    func(w W, branch string, rnd *rand.Rand) Op
}

func draw[W any](kinds []Kind[W], rnd *rand.Rand) Kind[W] {
	total := 0
	for _, k := range kinds {
		total += k.Weight
	}
	n := rnd.IntN(total)
	for _, k := range kinds {
		if n -= k.Weight; n < 0 {
			return k
		}
	}
	panic("weights")
}

// Draw gives between one and most operations of a round, and whether one of them is violent.
func Draw[W any](kinds []Kind[W], w W, branches []string, most int, rnd *rand.Rand) (ops []Op, violent bool) {
	for range 1 + rnd.IntN(most) {
		k := draw(kinds, rnd)
		violent = violent || k.Violent
		if k.Alone && len(ops) > 0 {
			continue
		}
		ops = append(ops, k.Make(w, branches[rnd.IntN(len(branches))], rnd))
		if k.Alone {
			break
		}
	}
	return ops, violent
}

// Together does operations at once and tells how each ended.
func Together(ops []Op) []error {
	errs := make([]error, len(ops))
	var wg sync.WaitGroup
	for i, o := range ops {
		wg.Go(func() { errs[i] = o.Do() })
	}
	wg.Wait()
	return errs
}

// Names are for a line of the log.
func Names(ops []Op) string {
	var names []string
	for _, o := range ops {
		names = append(names, o.What)
	}
	return strings.Join(names, " | ")
}
