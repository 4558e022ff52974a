package agents

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// instanceLock is an advisory lock on one instance, across processes. The kernel drops it when its process dies, so a
// killed hjk-ls never leaves an instance locked.
type instanceLock struct{ f *os.File }

type lockMode bool

const (
	shared    lockMode = false // a session starts in a container that runs
	exclusive lockMode = true  // the worktree or the container changes
)

var errLocked = errors.New("another operation on this branch is going on")

// lockPoll is how often a held lock is tried again. flock has no way to wait with a context.
const lockPoll = 15 * time.Millisecond

// lockExclusive waits for the lock at path until ctx ends. The folder is made when missing.
func lockExclusive(ctx context.Context, path string) (*instanceLock, error) {
	for {
		l, err := tryLock(path, exclusive)
		if !errors.Is(err, errLocked) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

// tryLock takes the lock at path now, or returns errLocked.
func tryLock(path string, mode lockMode) (*instanceLock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, unwritable(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unwritable(err)
	}
	if err := flock(f, mode); err != nil {
		f.Close()
		return nil, err
	}
	if !sameFile(f, path) { // remove deleted the file between our open and our lock
		f.Close()
		return nil, errLocked
	}
	return &instanceLock{f}, nil
}

// unwritable says what to do about a state folder that cannot be written.
func unwritable(err error) error {
	return fmt.Errorf("hjk-ls cannot keep its state: %w; make that folder writable, or set XDG_STATE_HOME to one that is", err)
}

func flock(f *os.File, mode lockMode) error {
	err := system.TryLock(f, bool(mode))
	if errors.Is(err, system.ErrLocked) {
		return errLocked
	}
	return err
}

func sameFile(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

// unlock lets go. It may be called twice.
func (l *instanceLock) unlock() { _ = l.f.Close() }

// removeAndUnlock deletes the lock's file while it is held exclusively, so that a removed instance leaves no trace;
// who waits for it finds out by sameFile and starts afresh.
func (l *instanceLock) removeAndUnlock() {
	_ = os.Remove(l.f.Name())
	_ = l.f.Close()
}
