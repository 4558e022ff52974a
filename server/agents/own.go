package agents

import (
	"context"
	"os"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// own gives the folders at and below a folder to the user, by the engine: what root made in a container is root's on the host.
func (m *Manager) own(ctx context.Context, dir string) error {
	eng, err := m.engines.get(ctx)
	if err != nil {
		return err
	}
	helper, err := eng.shim(ctx)
	if err != nil {
		return err
	}
	return eng.Own(ctx, dir, m.user(eng), helper)
}

// mostReached bounds the sessions that are looked after: an agent can make any number of folders.
const mostReached = 200

// reach makes the folders usable that sessions are kept in: an agent can have taken away the right to, or put something else in
// their place.
func (m *Manager) reach(ctx context.Context, p place) error {
	if !p.exists() { // the instance is new, or no state can be kept, as the lock will tell
		return nil
	}
	if err := workspace.Reach(ctx, p.runDir(), m.own); err != nil {
		return wrap(err, CodeInternal)
	}
	root, err := os.OpenRoot(p.runDir())
	if err != nil {
		return nil //nolint:nilerr // it is made with the container
	}
	defer root.Close()
	if err := folderAgain(ctx, root, shim.SessionsDir); err != nil {
		return wrap(err, CodeInternal)
	}
	sessions := filepath.Join(p.runDir(), shim.SessionsDir)
	if err := workspace.Reach(ctx, sessions, m.own); err != nil {
		return wrap(err, CodeInternal)
	}
	all, _ := distrust.ReadDir(ctx, root, shim.SessionsDir, mostReached)
	for _, e := range all {
		if !e.IsDir() {
			continue
		}
		if err := workspace.Reach(ctx, filepath.Join(sessions, e.Name()), m.own); err != nil {
			return wrap(err, CodeInternal)
		}
	}
	return nil
}

// folderAgain makes a folder anew that something else stands in the place of. What was in it is gone by then.
func folderAgain(ctx context.Context, root *os.Root, name string) error {
	fi, err := root.Lstat(name)
	if err != nil || fi.IsDir() {
		return nil //nolint:nilerr // what is not there is made by whoever needs it
	}
	if err := distrust.RemoveAll(ctx, root, name); err != nil {
		return err
	}
	return root.Mkdir(name, 0o700)
}

// deletable does of an instance's removal what may fail, and destroys nothing. tree is its worktree, if that goes too.
func (m *Manager) deletable(ctx context.Context, p place, tree string) error {
	for _, dir := range []string{tree, p.dir()} {
		if dir == "" {
			continue
		}
		if err := workspace.Deletable(ctx, dir, m.own); err != nil {
			return wrap(err, CodeWorktreeFailed)
		}
	}
	return nil
}
