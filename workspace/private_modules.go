package workspace

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// modules make git work in the submodules that are checked out: their git directories are where their links lead, read-only,
// each with a configuration that has no credentials.
func (p *Private) modules(ctx context.Context, links []string) ([]Bind, error) {
	var binds []Bind
	for _, link := range links {
		top := filepath.Join(p.tree.Path, link)
		b, err := os.ReadFile(filepath.Join(top, ".git"))
		if err != nil {
			continue // not checked out
		}
		dir := filepath.Clean(absolute(top, strings.TrimRight(strings.TrimPrefix(string(b), "gitdir: "), "\r\n")))
		if !within(p.repo.CommonDir, dir) {
			continue
		}
		if err := p.mountPoint(dir); err != nil {
			return nil, err
		}
		binds = append(binds, Bind{Source: dir, Target: dir, ReadOnly: true})
		masks, err := p.maskConfigs(ctx, dir, len(binds))
		if err != nil {
			return nil, err
		}
		binds = append(binds, masks...)
	}
	return binds, nil
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
func (p *Private) maskConfigs(ctx context.Context, dir string, n int) ([]Bind, error) {
	var binds []Bind
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
		mask := filepath.Join(p.dir, fmt.Sprintf("module-%d-%d", n, len(binds)))
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
