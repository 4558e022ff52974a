package agents

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// hostPaths finds files and folders of the host that settings name. The user's links are followed; one in a folder that an agent can
// write to could lead anywhere by now, and is an error.
type hostPaths struct {
	home  string
	base  string   // what relative paths begin at
	roots []string // folders that agents can write to, without links
}

// hostPathsOf knows the folders of the repository in which agents work. more are others.
func (m *Manager) hostPathsOf(r *workspace.Repo, c workspace.Config, more ...string) hostPaths {
	h := hostPaths{home: m.opts.Home, base: r.Root}
	for _, dir := range append([]string{r.Root, r.From, c.Worktrees}, more...) {
		if dir != "" {
			h.roots = append(h.roots, resolved(dir))
		}
	}
	for _, mount := range c.Mounts {
		if real, err := h.find(mount.Source); err == nil && !mount.ReadOnly {
			h.roots = append(h.roots, real)
		}
	}
	return h
}

// expand is a path of the settings as an absolute one.
func (h hostPaths) expand(path string) string {
	switch {
	case path == "~":
		return h.home
	case strings.HasPrefix(path, "~/"):
		return filepath.Join(h.home, path[2:])
	case filepath.IsAbs(path):
		return path
	}
	return filepath.Join(h.base, path)
}

// mostLinks is how many links the system follows in a path.
const mostLinks = 40

var errAgentsLink = errors.New("it is a symbolic link in a folder that an agent can write to, and could lead anywhere; name the file or folder itself")

// find is the path without links of what a path of the settings names, and which is there.
func (h hostPaths) find(path string) (string, error) {
	todo := strings.Split(h.expand(path), "/")
	at := "/"
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		if part == "" || part == "." {
			continue
		}
		next := filepath.Join(at, part)
		fi, err := os.Lstat(next)
		if err != nil {
			return "", err
		}
		if fi.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > mostLinks {
			return "", fmt.Errorf("%s leads through too many symbolic links", path)
		}
		if h.agents(at) {
			return "", fmt.Errorf("%s: %w", next, errAgentsLink)
		}
		to, err := os.Readlink(next)
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(to) {
			at = "/"
		}
		todo = append(strings.Split(to, "/"), todo...)
	}
	return at, nil
}

// agents reports whether an agent can write to a folder.
func (h hostPaths) agents(dir string) bool {
	for _, root := range h.roots {
		if rel, err := filepath.Rel(root, dir); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}
