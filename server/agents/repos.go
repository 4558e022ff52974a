package agents

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/fileuri"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// repo finds the repository an operation means: the one that hint lies in, else the only open one, else the one that
// has an instance of branch.
func (m *Manager) repo(ctx context.Context, hint, branch string) (*workspace.Repo, error) {
	if hint != "" {
		path, err := localPath(hint)
		if err != nil {
			return nil, err
		}
		return m.open(ctx, path)
	}
	repos, err := m.repos(ctx)
	if err != nil {
		return nil, err
	}
	if len(repos) == 1 {
		return repos[0], nil
	}
	return m.repoOf(ctx, repos, branch)
}

// repoOf picks the one repository with an instance of branch.
func (m *Manager) repoOf(ctx context.Context, repos []*workspace.Repo, branch string) (*workspace.Repo, error) {
	var found []*workspace.Repo
	var roots []string
	for _, r := range repos {
		roots = append(roots, r.Root)
		if branch == "" {
			continue
		}
		p, err := m.placeOf(ctx, r, branch)
		if err != nil {
			return nil, err
		}
		if p.exists() {
			found = append(found, r)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return nil, Errorf(CodeWorkspaceAmbiguous, "several repositories are open (%s); say which one with the argument \"workspace\"", strings.Join(roots, ", "))
}

// repos opens the repository of every folder, each once. Folders outside any repository are passed over unless there
// is nothing else.
func (m *Manager) repos(ctx context.Context) ([]*workspace.Repo, error) {
	m.mu.Lock()
	folders := m.folders
	m.mu.Unlock()
	if len(folders) == 0 {
		return nil, Errorf(CodeNotRepository, "no folder is open; open a git repository, or name one with the argument \"workspace\"")
	}
	var all []*workspace.Repo
	var first error
	seen := map[string]bool{}
	for _, f := range folders {
		r, err := m.open(ctx, f)
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		if !seen[r.Root] {
			seen[r.Root] = true
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		return nil, first
	}
	return all, nil
}

func (m *Manager) open(ctx context.Context, path string) (*workspace.Repo, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookTimeout, fmt.Errorf("git did not tell of %s in %s", path, lookTimeout))
	defer cancel()
	r, err := workspace.Open(ctx, path)
	if err != nil {
		return nil, wrap(err, CodeNotRepository)
	}
	r.Own = m.own
	return r, nil
}

// localPath takes an absolute path or a file: URI.
func localPath(s string) (string, error) {
	if fileuri.IsURI(s) {
		path, err := fileuri.Path(s)
		if err != nil {
			return "", Errorf(CodeInvalidArgument, "workspace: %w", err)
		}
		return path, nil
	}
	if !filepath.IsAbs(s) {
		return "", Errorf(CodeInvalidArgument, "workspace %q is neither an absolute path nor a file: URI", s)
	}
	return filepath.Clean(s), nil
}
