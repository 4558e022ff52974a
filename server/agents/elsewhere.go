package agents

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/container"
)

// An instance whose container was made with another state folder, as under sudo, in a sandboxed editor or with another
// XDG_STATE_HOME, has its sessions, its lock and the agent's git directory there. Whoever does not see them would lose commits and
// work beside the others, so that such an instance is told of, and nothing is done to it.

// elsewhere is the state folder in which an instance's containers have their state, "" where that is this one.
func (p place) elsewhere(containers []container.Container) string {
	for _, c := range containers {
		dir := c.Labels[container.LabelRunDir]
		if dir == "" || dir == p.runDir() || sameDir(dir, p.runDir()) {
			continue
		}
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && p.exists() {
			continue // the folder was moved here
		}
		return filepath.Dir(filepath.Dir(filepath.Dir(dir))) // STATE/instances/NAME/run
	}
	return ""
}

func sameDir(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// here is an error for an instance whose state is elsewhere.
func (p place) here(containers []container.Container) error {
	dir := p.elsewhere(containers)
	if dir == "" {
		return nil
	}
	return Errorf(CodeStateElsewhere, "the instance of %s keeps its sessions and the agent's commits in %s, and not in %s; set XDG_STATE_HOME to %s, "+
		"and be the user who made it; to give it up with what only its container has, remove that: docker rm -f %s",
		p.Now, dir, p.state, filepath.Dir(dir), containers[0].Name)
}

// missing is why an instance has no state here: it is elsewhere, as the engine's labels tell, or there is none.
func (m *Manager) missing(ctx context.Context, p place) error {
	if eng, err := m.engines.get(ctx); err == nil {
		if _, _, err := m.observe(ctx, eng, p); CodeOf(err) == CodeStateElsewhere {
			return err
		}
	}
	return noInstance(p.Now)
}

// runDirOf is where the sessions of an instance are written down, wherever that is.
func (p place) runDirOf(c container.Container) string {
	if p.elsewhere([]container.Container{c}) != "" {
		return c.Labels[container.LabelRunDir]
	}
	return p.runDir()
}
