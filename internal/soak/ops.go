package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/drive"
)

// op is one operation with its arguments chosen.
type op struct {
	what string
	do   func() error
}

// kind makes operations. A violent one makes others fail that run beside it.
type kind struct {
	weight  int
	violent bool
	alone   bool
	make    func(w *world, branch string, rnd *rand.Rand) op
}

var kinds = []kind{
	{weight: 14, make: func(w *world, b string, _ *rand.Rand) op {
		return op{"run " + b, func() error { return w.cli("run", b, "--detach") }}
	}},
	{weight: 8, make: func(w *world, b string, _ *rand.Rand) op {
		return op{"server run " + b, func() error { return w.steady.Command("hjk-ls.run", map[string]any{"branch": b}, nil) }}
	}},
	{weight: 4, make: func(w *world, b string, _ *rand.Rand) op {
		return op{"victim run " + b, func() error { return w.victim.Command("hjk-ls.run", map[string]any{"branch": b}, nil) }}
	}},
	{weight: 5, make: func(w *world, b string, _ *rand.Rand) op {
		return op{"stop " + b, func() error { return w.cli("stop", b) }}
	}},
	{weight: 4, make: func(w *world, b string, _ *rand.Rand) op {
		return op{"server recreate " + b, func() error { return w.steady.Command("hjk-ls.recreate", map[string]any{"branch": b}, nil) }}
	}},
	{weight: 4, make: func(w *world, b string, _ *rand.Rand) op {
		return op{"rm " + b, func() error { return w.cli("rm", b, "--force", "--delete-branch") }}
	}},
	{weight: 4, make: func(w *world, b string, _ *rand.Rand) op {
		return op{"kill " + b, func() error { return w.cli("kill", b, "shell") }}
	}},
	{weight: 4, make: func(w *world, b string, _ *rand.Rand) op {
		return op{"logs " + b, func() error { return w.steady.Command("hjk-ls.logs", map[string]any{"branch": b}, nil) }}
	}},
	{weight: 4, make: func(w *world, _ string, _ *rand.Rand) op {
		return op{"list", func() error { return w.steady.Command("hjk-ls.list", map[string]any{}, nil) }}
	}},
	{weight: 3, make: func(w *world, _ string, rnd *rand.Rand) op {
		n := rnd.IntN(1000)
		return op{fmt.Sprintf("edit Dockerfile %d and build", n), func() error {
			text := fmt.Sprintf("FROM hjk-test/busybox:1\nRUN echo %d >/made\n", n)
			if err := os.WriteFile(filepath.Join(w.repo, "Dockerfile"), []byte(text), 0o644); err != nil {
				return err
			}
			return w.steady.Command("hjk-ls.build", map[string]any{}, nil)
		}}
	}},
	{weight: 4, make: func(w *world, b string, _ *rand.Rand) op {
		return op{"work on " + b, func() error { return w.work(b) }}
	}},
	{weight: 10, violent: true, make: func(w *world, b string, rnd *rand.Rand) op {
		verb := []string{"run", "recreate", "stop", "rm", "build"}[rnd.IntN(5)]
		args := map[string][]string{
			"run": {"run", b, "--detach"}, "recreate": {"recreate", b}, "stop": {"stop", b}, "rm": {"rm", b, "--force"}, "build": {"build"},
		}[verb]
		after := time.Duration(rnd.IntN(400)) * time.Millisecond
		return op{fmt.Sprintf("%s killed after %v", strings.Join(args, " "), after), func() error { return w.killed(after, args...) }}
	}},
	{weight: 2, violent: true, make: func(w *world, _ string, rnd *rand.Rand) op {
		after := time.Duration(rnd.IntN(400)) * time.Millisecond
		return op{fmt.Sprintf("server killed after %v", after), func() error { return w.killServer(after) }}
	}},
	{weight: 6, violent: true, make: func(w *world, b string, rnd *rand.Rand) op {
		verb := []string{"kill", "rm -f", "stop -t 1", "restart -t 1"}[rnd.IntN(4)]
		return op{"docker " + verb + " " + b, func() error { return w.docker(verb, b) }}
	}},
	// Alone: Docker 20.10 itself hangs for good when a container is paused while something is executed in it.
	{weight: 2, alone: true, make: func(w *world, b string, _ *rand.Rand) op {
		return op{"docker pause " + b, func() error { return w.docker("pause", b) }}
	}},
	{weight: 2, violent: true, make: func(w *world, b string, _ *rand.Rand) op {
		return op{"delete the worktree of " + b, func() error { return w.deleteWorktree(b) }}
	}},
	{weight: 1, violent: true, make: func(w *world, _ string, rnd *rand.Rand) op {
		name, end := "down", w.engine.Down
		switch rnd.IntN(3) {
		case 1:
			name, end = "kill", w.engine.Kill
		case 2:
			name, end = "crash", w.engine.Crash
		}
		return op{"engine " + name, func() error {
			w.ending.Lock()
			defer w.ending.Unlock()
			return errors.Join(end(), w.engine.Up())
		}}
	}},
}

func (w *world) pick() kind {
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	n := w.rnd.IntN(total)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			return k
		}
	}
	panic("weights")
}

// round does up to six operations at once and looks how each ended.
func (w *world) round(n int, log io.Writer) error {
	var ops []op
	violent := false
	for range 1 + w.rnd.IntN(6) {
		k := w.pick()
		violent = violent || k.violent
		if k.alone && len(ops) > 0 {
			continue
		}
		ops = append(ops, k.make(w, branches[w.rnd.IntN(len(branches))], w.rnd))
		if k.alone {
			break
		}
	}
	var names []string
	errs := make([]error, len(ops))
	var wg sync.WaitGroup
	for i, o := range ops {
		names = append(names, o.what)
		wg.Go(func() { errs[i] = o.do() })
	}
	fmt.Fprintf(log, "%4d %s\n", n, strings.Join(names, " | "))
	wg.Wait()
	for i, err := range errs {
		w.done.Add(1)
		if err == nil {
			continue
		}
		w.refused.Add(1)
		if !fair(err, violent) {
			return fmt.Errorf("%s: %w", ops[i].what, err)
		}
	}
	return nil
}

// fairCodes are what an operation may be refused with whatever else goes on.
var fairCodes = []string{"instance_not_found", "instance_stopped", "session_not_found", "session_ended", "worktree_failed"}

// violentCodes are what it may fail with beside a kill.
var violentCodes = []string{"engine_unreachable", "engine_failed", "build_failed", "canceled", "image_not_found", "pull_failed"}

func fair(err error, violent bool) bool {
	var e *drive.Error
	if errors.As(err, &e) {
		return has(fairCodes, e.Data.Code) || violent && has(violentCodes, e.Data.Code)
	}
	return violent && (errors.Is(err, io.ErrClosedPipe) || strings.Contains(err.Error(), "the server ended") || strings.Contains(err.Error(), "file already closed"))
}

func has(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}
