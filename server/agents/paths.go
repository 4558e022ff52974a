package agents

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// place is where one instance keeps what is its own on the host.
type place struct {
	Repo, Branch string // as they were when the instance was made: its labels have them
	Now          string // the branch's name now
	name         string // of the container, the worktree's folder and the state folder
	state        string // the state directory
}

func (m *Manager) place(repo, branch string) place {
	return place{Repo: repo, Branch: branch, Now: branch, name: workspace.InstanceName(repo, branch), state: m.opts.StateDir}
}

// placeOf finds the place of a branch whose repository may have been moved, or which may have been renamed, since its
// instance was made.
func (m *Manager) placeOf(ctx context.Context, r *workspace.Repo, branch string) (place, error) {
	root, name, err := r.Identity(ctx, branch)
	if err != nil {
		return place{}, wrap(err, CodeWorktreeFailed)
	}
	p := m.place(root, name)
	p.Now = branch
	return p, nil
}

func (p place) dir() string    { return filepath.Join(p.state, "instances", p.name) }
func (p place) runDir() string { return filepath.Join(p.dir(), "run") }
func (p place) gitDir() string { return filepath.Join(p.dir(), "git") }
func (p place) lock() string   { return filepath.Join(p.state, "locks", p.name+".lock") }

// question is held while an editor asks whether the instance is to be recreated.
func (p place) question() string { return filepath.Join(p.state, "locks", p.name+".question") }

// refused keeps the image for which the user does not want it to be.
func (p place) refused() string { return filepath.Join(p.dir(), "refused-image") }

func (p place) record() string { return filepath.Join(p.dir(), "instance.json") }
func (p place) tag() string    { return "headjack/" + p.name + ":latest" }

// tagPattern matches the tags of all places.
const tagPattern = "headjack/*"

// placeRecord says whose a state folder is, so that a sweep can finish what a killed process began.
type placeRecord struct {
	Repo   string `json:"repo"`
	Branch string `json:"branch"`
	Image  string `json:"image,omitempty"` // that was asked for
}

// make creates the state folder. It comes before the worktree and the container, so that neither is ever without one.
func (p place) make() error {
	if err := os.MkdirAll(p.runDir(), 0o700); err != nil {
		return unwritable(err)
	}
	return writeState(p.record(), placeRecord{Repo: p.Repo, Branch: p.Branch, Image: p.requested()})
}

// read is what the state folder says of itself, nothing where there is none.
func (p place) read() (r placeRecord) {
	b, err := os.ReadFile(p.record())
	if err != nil || json.Unmarshal(b, &r) != nil || r.Repo == "" {
		return placeRecord{}
	}
	return r
}

// exists reports whether the state folder is there.
func (p place) exists() bool {
	_, err := os.Stat(p.record())
	return err == nil
}

// remove deletes the state folder with its logs.
func (p place) remove(own workspace.Owner) error {
	ctx, cancel := context.WithTimeout(context.Background(), syncTimeout)
	defer cancel()
	if err := workspace.RemovePrivate(ctx, p.gitDir(), own); err != nil {
		return err
	}
	// The record goes last: as long as it stands, the sweep knows whose folder this is.
	if err := workspace.Delete(context.WithoutCancel(ctx), p.runDir(), own); err != nil {
		return err
	}
	_ = os.Remove(p.question()) // of an editor that was killed while it asked
	_ = os.Remove(p.setupLock())
	return os.RemoveAll(p.dir())
}

// places lists every instance that has a state folder.
func (m *Manager) places() ([]place, error) {
	entries, err := os.ReadDir(filepath.Join(m.opts.StateDir, "instances"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []place
	for _, e := range entries {
		if p, ok := m.recorded(e.Name()); ok {
			all = append(all, p)
		}
	}
	return all, nil
}

// recorded is the instance that the state folder of a name says it is of.
func (m *Manager) recorded(name string) (place, bool) {
	r := place{state: m.opts.StateDir, name: name}.read()
	if r.Repo == "" {
		return place{}, false
	}
	p := m.place(r.Repo, r.Branch)
	return p, p.name == name
}
