package workspace

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// binds are the mounts of git's own.
func (p *Private) binds() ([]Bind, error) {
	dotGit := filepath.Join(p.tree.Path, ".git")
	binds := []Bind{{Source: p.dotgit(), Target: dotGit, ReadOnly: true}, {Source: p.agent(), Target: privateTarget}}
	fi, err := os.Lstat(dotGit)
	switch {
	case err == nil && fi.IsDir():
		binds = []Bind{{Source: p.agent(), Target: dotGit}}
	case err == nil && !fi.Mode().IsRegular(), err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, errors.Join(inTheWay(dotGit, "its repository"), err)
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
	return binds, nil
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
	return gitlinksIn(out), nil
}

// gitlinksIn reads what `git ls-tree -z` printed.
func gitlinksIn(out string) []string {
	links := []string{}
	for _, entry := range nul(out) {
		if meta, path, ok := strings.Cut(entry, "\t"); ok && strings.HasPrefix(meta, "160000 ") {
			links = append(links, path)
		}
	}
	return links
}
