package workspace

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// lockFile serializes what changes worktrees: `git worktree add` is not safe beside itself in one repository (git
// 2.39: "failed to read commondir: Success"). It stays in the common directory; the kernel drops the lock with its
// process.
const lockFile = "headjack.lock"

const lockPoll = 5 * time.Millisecond

// lock waits for the repository's lock until ctx ends. Every git run with the context it returns holds the lock too, so
// that one which outlives a killed hjk-ls is waited for.
func (r *Repo) lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(r.CommonDir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := flockWait(ctx, f); err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return context.WithValue(ctx, lockKey{}, f), func() { _ = f.Close() }, nil
}

// flockWait takes the lock on f, waiting until ctx ends. flock has no way to wait with a context.
func flockWait(ctx context.Context, f *os.File) error {
	for {
		err := system.TryLock(f, true)
		if !errors.Is(err, system.ErrLocked) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

// lockKey finds the lock's file in a context.
type lockKey struct{}

// inherited is what a git process gets open beside its standard streams.
func inherited(ctx context.Context) []*os.File {
	if f, ok := ctx.Value(lockKey{}).(*os.File); ok {
		return []*os.File{f}
	}
	return nil
}
