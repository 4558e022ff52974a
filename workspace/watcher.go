package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// ErrWatchLimit means that the system has no more watches to give: who still wants to know has to look.
var ErrWatchLimit = errors.New("the system's limit of file watches is reached (fs.inotify.max_user_watches, fs.inotify.max_user_instances)")

// Changes are the paths that changed since the last ones were taken. All is that some may be missing.
type Changes struct {
	Paths map[string]bool
	All   bool
}

// maxPaths is how many changed paths are worth telling apart.
const maxPaths = 4096

// Watcher tells of changes in folders. A watch on a file would end with the first save that replaces it. There is one
// inotify instance a Watcher; the system gives a user few. Paths have their symbolic links resolved.
type Watcher struct {
	changes chan Changes
	done    chan struct{}
	ended   sync.WaitGroup

	goneMu sync.Mutex
	gone   map[string]bool // what was deleted or moved away; the watches below it watch something else now

	mu      sync.Mutex // guards what follows; not held by who reads events, for which adding a watch may wait
	fs      *fsnotify.Watcher
	watched map[string]bool
	added   int // folders ever
	closed  bool
}

// NewWatcher makes a Watcher. It takes nothing of the system before the first Set. Close it.
func NewWatcher() *Watcher {
	return &Watcher{changes: make(chan Changes), done: make(chan struct{}), gone: map[string]bool{}, watched: map[string]bool{}}
}

// Changes are what happened, as often as somebody takes it.
func (w *Watcher) Changes() <-chan Changes { return w.changes }

// Set says which folders to watch, instead of all before. Of one that is not there its nearest parent is watched. With
// ErrWatchLimit some are not.
func (w *Watcher) Set(folders []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	if w.fs == nil {
		if err := w.start(); err != nil {
			return limit(err)
		}
	}
	w.forget()
	want := map[string]bool{}
	for _, f := range folders {
		want[existing(f)] = true
	}
	for f := range w.watched {
		if !want[f] {
			_ = w.fs.Remove(f)
			delete(w.watched, f)
		}
	}
	var failed error
	for f := range want {
		if w.watched[f] {
			continue
		}
		if err := w.fs.Add(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			failed = errors.Join(failed, limit(err))
			if errors.Is(failed, ErrWatchLimit) {
				break
			}
			continue
		}
		w.watched[f] = true
		w.added++
	}
	return failed
}

// forget takes back the watches on folders that went away, with all below them: others may have come in their place.
func (w *Watcher) forget() {
	w.goneMu.Lock()
	gone := w.gone
	w.gone = map[string]bool{}
	w.goneMu.Unlock()
	if len(gone) == 0 {
		return
	}
	for f := range w.watched {
		for at := f; at != filepath.Dir(at); at = filepath.Dir(at) {
			if gone[at] {
				_ = w.fs.Remove(f)
				delete(w.watched, f)
				break
			}
		}
	}
}

// existing is the deepest folder on the way to path that is there.
func existing(path string) string {
	for {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			if fi, err := os.Stat(real); err == nil && fi.IsDir() {
				return real
			}
		}
		if path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

func limit(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENOMEM) {
		return errors.Join(ErrWatchLimit, err)
	}
	return err
}

func (w *Watcher) start() error {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	w.fs = fs
	w.ended.Go(func() { w.collect(fs) })
	return nil
}

// collect takes events as fast as they come, so that the kernel's queue does not overflow while nobody takes changes.
func (w *Watcher) collect(fs *fsnotify.Watcher) {
	pending := Changes{Paths: map[string]bool{}}
	for {
		var out chan Changes
		if pending.All || len(pending.Paths) > 0 {
			out = w.changes
		}
		select {
		case <-w.done:
			return
		case out <- pending:
			pending = Changes{Paths: map[string]bool{}}
		case e, ok := <-fs.Events:
			if !ok {
				return
			}
			if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
				w.goneMu.Lock()
				w.gone[e.Name] = true
				w.goneMu.Unlock()
			}
			if pending.Paths[e.Name] = true; len(pending.Paths) > maxPaths {
				pending.All, pending.Paths = true, map[string]bool{}
			}
		case _, ok := <-fs.Errors: // an overflow, or a read that failed: either way something may be missing
			if !ok {
				return
			}
			pending.All = true
		}
	}
}

// Close gives everything back. Changes tells nothing any more.
func (w *Watcher) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	close(w.done)
	var err error
	if w.fs != nil {
		err = w.fs.Close()
	}
	w.ended.Wait()
	return err
}

// Added is how many folders the Watcher ever began to watch.
func (w *Watcher) Added() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.added
}
