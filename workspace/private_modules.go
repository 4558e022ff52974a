package workspace

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// shields are the mounts that keep the agent from where git on the host looks for other repositories, and those that make git
// work in the submodules that are checked out.
func (p *Private) shields(ctx context.Context, links []string) ([]Bind, error) {
	s, err := p.shield()
	if err != nil {
		return nil, err
	}
	defer s.root.Close()
	var modules []Bind
	for _, link := range links {
		if err := s.submodule(link); err != nil {
			return nil, err
		}
		some, err := p.module(ctx, s, link)
		if err != nil {
			return nil, err
		}
		modules = append(modules, some...)
	}
	if err := p.others(ctx, s); err != nil {
		return nil, err
	}
	if err := p.nested(ctx, s); err != nil {
		return nil, err
	}
	return append(s.binds, modules...), nil
}

// module makes git work in a submodule that is checked out: its git directory is where its link leads, read-only, with a
// configuration that has no credentials. A link that leads elsewhere than to where git keeps those of this checkout is not
// followed: an agent may have written it.
func (p *Private) module(ctx context.Context, s *shield, link string) ([]Bind, error) {
	dir, ok := linkOf(s, link, filepath.Join(p.tree.GitDir, "modules"))
	if !ok {
		return nil, nil // not checked out
	}
	if err := p.mountPoint(dir); err != nil {
		return nil, err
	}
	binds := []Bind{{Source: dir, Target: dir, ReadOnly: true}}
	masks, err := p.maskConfigs(ctx, dir, link)
	if err != nil {
		return nil, err
	}
	return append(binds, masks...), p.deeper(ctx, s, link, dir)
}

// deeper shields the submodules of a submodule, whose git directory is dir.
func (p *Private) deeper(ctx context.Context, s *shield, link, dir string) error {
	out, err := git(ctx, dir, "--git-dir="+dir, "ls-tree", "-r", "-z", "HEAD")
	if exitCode(err) > 0 { // there is no commit yet
		return nil
	}
	if err != nil {
		return err
	}
	for _, sub := range gitlinksIn(out) {
		path := filepath.Join(link, sub)
		if err := s.submodule(path); err != nil {
			return err
		}
		if dir, ok := linkOf(s, path, filepath.Join(dir, "modules")); ok {
			if err := p.deeper(ctx, s, path, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// linkOf is the git directory that the .git file of a submodule leads to, when that lies in modules.
func linkOf(s *shield, link, modules string) (dir string, ok bool) {
	b, err := distrust.Read(s.root, filepath.Join(link, ".git"), 4096)
	if err != nil {
		return "", false
	}
	text, ok := strings.CutPrefix(string(b), "gitdir: ")
	dir = filepath.Clean(absolute(filepath.Join(s.top, link), strings.TrimRight(text, "\r\n")))
	return dir, ok && within(modules, dir)
}

// mountPoint makes the folder that a git directory inside a main checkout's .git is mounted on, as the user: the engine would
// make it as root.
func (p *Private) mountPoint(dir string) error {
	rel, err := filepath.Rel(filepath.Join(p.tree.Path, ".git"), dir)
	if err != nil || !filepath.IsLocal(rel) || !p.tree.Main {
		return err
	}
	root, err := os.OpenRoot(p.agent())
	if err != nil {
		return err
	}
	defer root.Close()
	return root.MkdirAll(rel, 0o755)
}

// maskConfigs covers the configuration of a submodule and of those in it.
func (p *Private) maskConfigs(ctx context.Context, dir, link string) ([]Bind, error) {
	var binds []Bind
	name := sha256.Sum256([]byte(link))
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "objects" {
			return filepath.SkipDir
		}
		if _, head := os.Lstat(filepath.Join(filepath.Dir(path), "HEAD")); d.Name() != "config" || d.IsDir() || head != nil {
			return nil
		}
		text, err := harmless(ctx, path)
		if err != nil {
			return err
		}
		mask := filepath.Join(p.dir, fmt.Sprintf("module-%x-%d", name[:6], len(binds)))
		binds = append(binds, Bind{Source: mask, Target: path, ReadOnly: true})
		return os.WriteFile(mask, []byte(text), 0o644)
	})
	return binds, err
}

// harmless is a configuration without credentials and commands.
func harmless(ctx context.Context, file string) (string, error) {
	out, err := git(ctx, filepath.Dir(file), "config", "--file", file, "--list", "-z")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, kv := range nul(out) {
		key, value, _ := strings.Cut(kv, "\n")
		switch {
		case key == "core.worktree", key == "core.bare", key == "core.repositoryformatversion", strings.HasPrefix(key, "extensions."), strings.HasPrefix(key, "submodule."),
			strings.HasPrefix(key, "branch."), strings.HasPrefix(key, "remote."), wanted(key):
			b.WriteString(configLine(key, withoutCredentials(value)))
		}
	}
	return b.String(), nil
}
