package agents

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/server/builds"
)

// DockerfileFacts is what is known of a Dockerfile without asking anybody: from records on disk and the last survey.
type DockerfileFacts struct {
	Checkout string // the folder of the repository that it lies in; "" when it is not one that is open
	Branch   string // of the checkout
	Works    bool   // an instance is there
	Stale    bool   // the branch's instance runs on an older image
	Records  []builds.Record
}

// DockerfileFacts tells of the Dockerfile at an absolute path.
func (m *Manager) DockerfileFacts(path string) DockerfileFacts {
	f := DockerfileFacts{Records: m.store().Of(path)}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.checkouts {
		if strings.HasPrefix(path, c.path+string(filepath.Separator)) && len(c.path) > len(f.Checkout) {
			f.Checkout, f.Branch = c.path, c.branch
		}
	}
	for _, i := range m.surveyed {
		if i.Worktree == f.Checkout && f.Checkout != "" && i.Image.Dockerfile == path {
			f.Stale = f.Stale || i.Image.Stale && i.State == StateRunning
		}
		f.Works = f.Works || i.Worktree == f.Checkout && f.Checkout != ""
	}
	return f
}

// checkout is a folder of a repository that is open, or of an instance that runs.
type checkout struct{ path, branch string }

// SetOpen tells which Dockerfiles the editor has open, by absolute paths. In a folder without an instance only they begin builds.
func (m *Manager) SetOpen(dockerfiles []string) {
	m.mu.Lock()
	m.inEditor = dockerfiles
	m.mu.Unlock()
	m.edited.kick()
}

// opened reports whether a Dockerfile of a checkout is open, or the one that its image is made from.
func (m *Manager) opened(checkout, dockerfile string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.inEditor, func(path string) bool {
		return path == dockerfile || strings.HasPrefix(path, checkout+string(filepath.Separator))
	})
}

// SavedText tells of a document that the user saved in the editor, with the text that the user had open: an image may be built
// of it as if the user had asked for that.
func (m *Manager) SavedText(path, text string) {
	m.savedTexts.Store(resolved(path), text)
	m.Saved(path)
}

// Saved tells of a file that the editor saved: on some file systems nobody else would.
func (m *Manager) Saved(path string) {
	select {
	case m.saves <- path:
	default: // more saves than anybody follows: the watch on the folder tells of them
	}
}
