//go:build linux

// Command attack lets agents do random hostile things in their containers while their user works with hjk-ls on the host, as
// an ordinary user's hjk-ls. What is done follows from the seed alone (internal/testing/rounds).
//
// After every round and in the end it holds that
//   - nothing of the user's outside of the worktrees was read, written or deleted, and no program was started there;
//   - no secret of the user's is in an image, a worktree, an object, a state, an answer or a log;
//   - every command ended in its time, with a code when it failed, and without control characters in what it printed;
//   - neither a command nor the server took more memory than it may;
//   - an instance that nobody attacks works: its worktree, its session, its commits.
package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/rounds"
)

// options are beside those of every game.
type options struct {
	only, without string        // regular expressions for names of deeds
	limit         time.Duration // of a command
	keep          bool
}

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "do but the deeds whose names match this regular expression")
	flag.StringVar(&o.without, "without", "", "leave out the deeds whose names match this regular expression")
	flag.DurationVar(&o.limit, "limit", 90*time.Second, "the longest that a command may take")
	flag.BoolVar(&o.keep, "keep", false, "after a failure wait for the Enter key before everything is deleted")
	rounds.Main("attack", func(g rounds.Game) error { return attack(g, o) })
}

// settleEvery is how many rounds lie between two looks at everything that takes long to look at.
const settleEvery = 4

func attack(g rounds.Game, o options) (err error) {
	deeds, err := chosen(o)
	if err != nil {
		return err
	}
	w, err := newWorld(g.Rand(), deeds, o.limit)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && o.keep {
			fmt.Fprintf(g.Log, "attack: %v\nattack: %s is kept until you press Enter\n", err, w.dir)
			_, _ = fmt.Scanln()
		}
		err = errors.Join(err, w.close())
	}()
	n, err := g.Play(func(n int) error {
		if err := w.round(n, g.Log); err != nil || n%settleEvery != settleEvery-1 {
			return err
		}
		return w.settle()
	})
	if err != nil {
		return err
	}
	if err := w.end(); err != nil {
		return err
	}
	fmt.Fprintf(g.Log, "attack: %d rounds, %d deeds that were done, %d operations of which %d were refused; at most %d MB of memory in hjk-ls, %d MB in what it started\n",
		n, w.deeds.Load(), w.ops.Load(), w.refused.Load(), w.most.own.Load()>>10, w.most.children.Load()>>10)
	return nil
}

func chosen(o options) ([]deed, error) {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, err
	}
	without, err := regexp.Compile(o.without)
	if err != nil {
		return nil, err
	}
	var all []deed
	for _, d := range deeds {
		if only.MatchString(d.name) && (o.without == "" || !without.MatchString(d.name)) {
			all = append(all, d)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no deed is left to do")
	}
	return all, nil
}

// deedKind does a random deed in the container of a branch.
var deedKind = rounds.Kind[*world]{Weight: 50, Make: func(w *world, branch string, rnd *rand.Rand) rounds.Op {
	d, n := w.chosen[rnd.IntN(len(w.chosen))], rnd.IntN(1000)
	return rounds.Op{What: fmt.Sprintf("(%s %d in %s)", d.name, n, branch), Do: func() error { return w.inside(branch, d.script, n) }}
}}
