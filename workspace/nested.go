package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

const (
	mostEntries = 5_000_000 // files and folders of a checkout that are looked through
	mostNested  = 500       // repositories in one
)

// others hides the repository's other checkouts that lie in this one: git on the host believes what it finds there, and an
// instance's files are no other instance's business.
func (p *Private) others(ctx context.Context, s *shield) error {
	all, err := p.repo.Worktrees(ctx)
	if err != nil {
		return err
	}
	inside := slices.Clone(p.hide)
	for _, dir := range inside {
		if rel, ok := beneath(p.tree.Path, dir); ok { // what comes there later is hidden then
			if err := s.root.MkdirAll(rel, 0o755); err != nil {
				return err
			}
		}
	}
	for _, wt := range all {
		inside = append(inside, wt.Path)
	}
	slices.Sort(inside) // what holds others comes first
	for i, path := range inside {
		rel, ok := beneath(p.tree.Path, path)
		if !ok || slices.ContainsFunc(inside[:i], func(outer string) bool {
			_, in := beneath(p.tree.Path, outer)
			_, covered := beneath(outer, path)
			return in && covered
		}) {
			continue
		}
		if err := s.hide(rel); err != nil {
			return err
		}
	}
	return nil
}

// beneath is path relative to dir, which it lies in.
func beneath(dir, path string) (rel string, ok bool) {
	rel, err := filepath.Rel(dir, path)
	return rel, err == nil && rel != "." && filepath.IsLocal(rel)
}

func (p *Private) nestedPath() string { return filepath.Join(p.dir, "nested") }

// nested shields the repositories that lay in the user's checkout before the instance was made. Those that came later may be the
// agent's own, which it goes on with.
func (p *Private) nested(ctx context.Context, s *shield) error {
	text, err := os.ReadFile(p.nestedPath())
	if errors.Is(err, fs.ErrNotExist) {
		var found []string
		if found, err = p.findNested(ctx, s); err != nil {
			return fmt.Errorf("look for repositories in %s: %w", p.tree.Path, err)
		}
		text = []byte(strings.Join(found, "\x00"))
		err = replaceFile(p.nestedPath(), text)
	}
	if err != nil {
		return err
	}
	for _, path := range nul(string(text)) {
		if err := s.repository(path); err != nil {
			return err
		}
	}
	return nil
}

// findNested looks for repositories in the checkout, where it is one of the user's: in one of ours there is only what git and
// the agent put there. What the user may not read is no repository of the user's.
func (p *Private) findNested(ctx context.Context, s *shield) ([]string, error) {
	if p.tree.Owned {
		return nil, nil
	}
	var found []string
	link := func(e fs.DirEntry) bool { return e.Name() == ".git" }
	err := distrust.WalkReadable(ctx, s.root, ".", mostEntries, link, func(path string, e fs.DirEntry) error {
		switch {
		case path == ".git", s.under[path]:
			return fs.SkipDir
		case e.Name() == ".git" && (e.IsDir() || e.Type().IsRegular()), e.IsDir() && isBare(s.root, path):
			if found = append(found, path); len(found) > mostNested {
				return fmt.Errorf("there are more than %d; work in a smaller checkout", mostNested)
			}
			return fs.SkipDir
		}
		return nil
	})
	return found, err
}

// isBare reports whether a folder is what git takes for a repository.
func isBare(root *os.Root, path string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := root.Lstat(filepath.Join(path, name)); err != nil {
			return false
		}
	}
	return true
}
