package agents

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Snapshot is the parameter of hjk/instances: all an editor needs to show how things are.
type Snapshot struct {
	Instances []Instance  `json:"instances"`
	Folders   []Folder    `json:"folders"`
	Engine    EngineState `json:"engine"`
}

// Folder is an open folder and the repository it lies in.
type Folder struct {
	Path    string `json:"path"`
	Repo    string `json:"repo,omitempty"`
	Branch  string `json:"branch,omitempty"`  // checked out there
	Message string `json:"message,omitempty"` // why there is no repository
}

// EngineState tells whether an engine answers.
type EngineState struct {
	Reachable bool   `json:"reachable"`
	Message   string `json:"message,omitempty"` // why none does
}

func (m *Manager) openFolders(ctx context.Context) []Folder {
	m.mu.Lock()
	folders := m.folders
	m.mu.Unlock()
	all := []Folder{}
	for _, path := range folders {
		f := Folder{Path: path}
		if r, err := m.open(ctx, path); err != nil {
			f.Message = err.Error()
		} else {
			f.Repo, f.Branch = r.Root, r.Current(ctx)
		}
		all = append(all, f)
	}
	return all
}

// folderStamp changes when a folder becomes a repository, or another branch is checked out in it. It starts no git.
func (w *watcher) folderStamp(ctx context.Context) string {
	w.m.mu.Lock()
	folders := w.m.folders
	w.m.mu.Unlock()
	if w.repos == nil {
		w.repos, _ = w.m.repos(ctx)
	}
	var files []string
	for _, f := range folders {
		files = append(files, filepath.Join(f, ".git"))
	}
	for _, r := range w.repos {
		files = append(files, r.HeadFile())
	}
	var b strings.Builder
	for _, f := range files {
		if fi, err := os.Lstat(f); err == nil {
			b.WriteString(f)
			if !fi.IsDir() { // git writes into the folder all the time
				b.WriteString(strconv.FormatInt(fi.ModTime().UnixNano(), 36))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
