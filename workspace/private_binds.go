package workspace

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// binds are the mounts of git's own.
func (p *Private) binds() []Bind {
	dotGit := filepath.Join(p.tree.Path, ".git")
	binds := []Bind{{Source: p.agent(), Target: dotGit}}
	if !isDir(dotGit) {
		binds = []Bind{{Source: p.dotgit(), Target: dotGit, ReadOnly: true}, {Source: p.agent(), Target: privateTarget}}
	}
	for i, dir := range p.repo.objectDirs() {
		binds = append(binds, Bind{Source: dir, Target: borrowed(i) + "/objects", ReadOnly: true})
		if _, err := os.Stat(filepath.Join(dir, "info", "alternates")); err == nil { // its paths are the host's
			binds = append(binds, Bind{Source: p.empty(), Target: borrowed(i) + "/objects/info/alternates", ReadOnly: true})
		}
		if lfs := filepath.Join(filepath.Dir(dir), "lfs", "objects"); isDir(lfs) { // where git-lfs looks for what is borrowed
			binds = append(binds, Bind{Source: lfs, Target: borrowed(i) + "/lfs/objects", ReadOnly: true})
		}
	}
	return binds
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// gitlinks are the paths of the submodules of the worktree's branch.
func (p *Private) gitlinks(ctx context.Context) ([]string, error) {
	out, err := git(ctx, p.repo.CommonDir, "ls-tree", "-r", "-z", "refs/heads/"+p.tree.Branch)
	if exitCode(err) > 0 {
		err = p.repo.damaged(err)
	}
	if err != nil {
		return nil, err
	}
	links := []string{}
	for _, entry := range nul(out) {
		if meta, path, ok := strings.Cut(entry, "\t"); ok && strings.HasPrefix(meta, "160000 ") {
			links = append(links, path)
		}
	}
	return links, nil
}

// shields make the folders of submodules, and those they lie in, mount points. Git on the host goes into a submodule by
// itself and believes the configuration there; a mount point can be neither renamed nor replaced by a repository of the
// agent's. What is not checked out is read-only, and so is the link of what is.
func (p *Private) shields(links []string) []Bind {
	var binds []Bind
	done := map[string]bool{}
	for _, link := range links {
		path := ""
		parts := strings.Split(link, "/")
		for i, part := range parts {
			path = filepath.Join(path, part)
			full := filepath.Join(p.tree.Path, path)
			fi, err := os.Lstat(full)
			if err != nil || !fi.IsDir() || done[path] {
				continue
			}
			done[path] = true
			dotGit := filepath.Join(full, ".git")
			_, err = os.Lstat(dotGit)
			last := i == len(parts)-1
			binds = append(binds, Bind{Source: full, Target: full, ReadOnly: last && err != nil})
			if last && err == nil {
				binds = append(binds, Bind{Source: dotGit, Target: dotGit, ReadOnly: true})
			}
		}
	}
	return binds
}
