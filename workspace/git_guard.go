package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

const (
	// gitLimit is how long a git may take that nobody else sets a limit to. A checkout of a large repository takes minutes.
	gitLimit = 15 * time.Minute
	// fetchLimit is that of a git whose filters fetch files, as git-lfs does.
	fetchLimit = 3 * time.Hour
	// gitPatience is how long a git is left alone before it is looked for what it might wait for.
	gitPatience = time.Second
	// gitLooks is how often that is done.
	gitLooks     = 5 * time.Second
	maxGitSource = 100 << 20 // later versions of git pass over a .gitignore that is larger
)

// guard is the context of one git in dir. git opens by their names, and waits at, files of a worktree that an agent can make
// FIFOs: such a git is ended, with the file as the reason, and in any case after limit. done lets go.
func guard(ctx context.Context, dir string, limit time.Duration) (guarded context.Context, done func()) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("git did not end in %s", limit))
	guarded, end := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for wait := gitPatience; ; wait = gitLooks {
			select {
			case <-guarded.Done():
				return
			case <-time.After(wait):
			}
			// One that is at work is not ended because nobody can tell.
			if err := obstacle(guarded, dir); err != nil && !errors.Is(err, distrust.ErrTooMany) {
				end(err)
				return
			}
		}
	}()
	return guarded, func() {
		end(nil)
		cancel()
		<-watched
	}
}

// guarded is the context of a git of c, or why it had better not run.
func (c call) guarded(ctx context.Context) (context.Context, func(), error) {
	if c.tree {
		if err := obstacle(ctx, c.dir); err != nil {
			return ctx, nil, err
		}
	}
	limit := gitLimit
	if c.fetches {
		limit = fetchLimit
	}
	guarded, done := guard(ctx, c.dir, limit)
	return guarded, done, nil
}

// gitReads are the files of a worktree that git opens unasked, in every folder.
var gitReads = map[string]bool{".gitignore": true, ".gitattributes": true, ".mailmap": true}

// obstacle is a file at which git waits, or fills the memory.
func obstacle(ctx context.Context, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil //nolint:nilerr // git says so
	}
	defer root.Close()
	var found error
	read := func(e fs.DirEntry) bool { return gitReads[e.Name()] }
	err = distrust.WalkReadable(ctx, root, ".", mostEntries, read, func(path string, e fs.DirEntry) error {
		switch {
		case e.IsDir() && e.Name() == ".git":
			return fs.SkipDir
		case e.IsDir():
			return nil
		}
		if found = unreadable(filepath.Join(dir, path)); found != nil {
			return fs.SkipAll
		}
		return nil
	})
	if errors.Is(err, distrust.ErrTooMany) { // it may be behind these
		return fmt.Errorf("%s has more than %d files and folders, too many to look for what git would wait at: %w; delete some", dir, mostEntries, distrust.ErrTooMany)
	}
	return found
}

// unreadable tells why git had better not read a file.
func unreadable(path string) error {
	fi, err := os.Lstat(path) // git follows no links there
	switch {
	case err != nil || fi.IsDir() || fi.Mode()&fs.ModeSymlink != 0:
		return nil
	case !fi.Mode().IsRegular():
		return fmt.Errorf("git waits for %s, which is no plain file: delete it", path)
	case fi.Size() > maxGitSource:
		return fmt.Errorf("git reads %s, of %d MB: delete it", path, fi.Size()>>20)
	}
	return nil
}
