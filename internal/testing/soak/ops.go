//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/internal/testing/rounds"
)

var kinds = []rounds.Kind[*world]{
	{Weight: 14, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "run " + b, Do: func() error { return w.cli("run", b, "--detach") }}
	}},
	{Weight: 8, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "server run " + b, Do: func() error { return w.steady.Command("hjk-ls.run", map[string]any{"branch": b}, nil) }}
	}},
	{Weight: 4, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "victim run " + b, Do: func() error { return w.victim.Command("hjk-ls.run", map[string]any{"branch": b}, nil) }}
	}},
	{Weight: 5, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "stop " + b, Do: func() error { return w.cli("stop", b) }}
	}},
	{Weight: 4, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "server recreate " + b, Do: func() error { return w.steady.Command("hjk-ls.recreate", map[string]any{"branch": b}, nil) }}
	}},
	{Weight: 4, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "rm " + b, Do: func() error { return w.cli("rm", b, "--force", "--delete-branch") }}
	}},
	{Weight: 4, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "kill " + b, Do: func() error { return w.cli("kill", b, "shell") }}
	}},
	{Weight: 4, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "logs " + b, Do: func() error { return w.steady.Command("hjk-ls.logs", map[string]any{"branch": b}, nil) }}
	}},
	{Weight: 4, Make: func(w *world, _ string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "list", Do: func() error { return w.steady.Command("hjk-ls.list", map[string]any{}, nil) }}
	}},
	{Weight: 3, Make: func(w *world, _ string, rnd *rand.Rand) rounds.Op {
		n := rnd.IntN(1000)
		return rounds.Op{What: fmt.Sprintf("edit Dockerfile %d and build", n), Do: func() error {
			text := fmt.Sprintf("FROM hjk-test/busybox:1\nRUN echo %d >/made\n", n)
			if err := os.WriteFile(filepath.Join(w.repo, "Dockerfile"), []byte(text), 0o644); err != nil {
				return err
			}
			return w.steady.Command("hjk-ls.build", map[string]any{}, nil)
		}}
	}},
	{Weight: 4, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "work on " + b, Do: func() error { return w.work(b) }}
	}},
	{Weight: 10, Violent: true, Make: func(w *world, b string, rnd *rand.Rand) rounds.Op {
		verb := []string{"run", "recreate", "stop", "rm", "build"}[rnd.IntN(5)]
		args := map[string][]string{
			"run": {"run", b, "--detach"}, "recreate": {"recreate", b}, "stop": {"stop", b}, "rm": {"rm", b, "--force"}, "build": {"build"},
		}[verb]
		after := time.Duration(rnd.IntN(400)) * time.Millisecond
		return rounds.Op{What: fmt.Sprintf("%s killed after %v", strings.Join(args, " "), after), Do: func() error { return w.killed(after, args...) }}
	}},
	{Weight: 2, Violent: true, Make: func(w *world, _ string, rnd *rand.Rand) rounds.Op {
		after := time.Duration(rnd.IntN(400)) * time.Millisecond
		return rounds.Op{What: fmt.Sprintf("server killed after %v", after), Do: func() error { return w.killServer(after) }}
	}},
	{Weight: 6, Violent: true, Make: func(w *world, b string, rnd *rand.Rand) rounds.Op {
		verb := []string{"kill", "rm -f", "stop -t 1", "restart -t 1"}[rnd.IntN(4)]
		return rounds.Op{What: "docker " + verb + " " + b, Do: func() error { return w.docker(verb, b) }}
	}},
	// Alone: Docker 20.10 itself hangs for good when a container is paused while something is executed in it.
	{Weight: 2, Alone: true, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "docker pause " + b, Do: func() error { return w.docker("pause", b) }}
	}},
	{Weight: 2, Violent: true, Make: func(w *world, b string, _ *rand.Rand) rounds.Op {
		return rounds.Op{What: "delete the worktree of " + b, Do: func() error { return w.deleteWorktree(b) }}
	}},
	{Weight: 1, Violent: true, Make: func(w *world, _ string, rnd *rand.Rand) rounds.Op {
		name, end := "down", w.engine.Down
		switch rnd.IntN(3) {
		case 1:
			name, end = "kill", w.engine.Kill
		case 2:
			name, end = "crash", w.engine.Crash
		}
		return rounds.Op{What: "engine " + name, Do: func() error {
			w.ending.Lock()
			defer w.ending.Unlock()
			return errors.Join(end(), w.engine.Up())
		}}
	}},
}

// round does up to six operations at once and looks how each ended.
func (w *world) round(n int, log io.Writer) error {
	ops, violent := rounds.Draw(kinds, w, branches, 6, w.rnd)
	fmt.Fprintf(log, "%4d %s\n", n, rounds.Names(ops))
	errs := rounds.Together(ops)
	for i, err := range errs {
		w.done.Add(1)
		if err == nil {
			continue
		}
		w.refused.Add(1)
		if !fair(err, violent) {
			return fmt.Errorf("%s: %w", ops[i].What, err)
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
		return slices.Contains(fairCodes, e.Data.Code) || violent && slices.Contains(violentCodes, e.Data.Code)
	}
	return violent && (errors.Is(err, io.ErrClosedPipe) || strings.Contains(err.Error(), "the server ended") || strings.Contains(err.Error(), "file already closed"))
}
