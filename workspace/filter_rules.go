package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// attributesName is where a folder says which attributes its files have.
const attributesName = ".gitattributes"

// ruleSet is what the folders of a tree say of attributes: a folder's blob, "" for none.
type ruleSet map[string]string

// takes reports whether nothing in the set says otherwise.
func (s ruleSet) takes(other ruleSet) bool {
	for dir, id := range other {
		if have, ok := s[dir]; ok && have != id {
			return false
		}
	}
	return true
}

// rulesAt adds what a tree says of the files in a folder: what stands in the folder and in those that it lies in.
func (c *comparing) rulesAt(s ruleSet, tree, dir string) error {
	at := ""
	for rest := dir; ; {
		entries, err := c.entries(tree)
		if err != nil {
			return err
		}
		s[at] = ""
		if e, ok := entryOf(entries, attributesName); ok && e.kind == fileEntry {
			s[at] = e.id
		}
		if rest == "" {
			return nil
		}
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		e, ok := entryOf(entries, name)
		if !ok || e.kind != dirEntry {
			return nil
		}
		at, tree = at+name+"/", e.id
	}
}

// entryOf finds an entry by its name.
func entryOf(entries []entry, name string) (entry, bool) {
	i := slices.IndexFunc(entries, func(e entry) bool { return e.name == name })
	if i < 0 {
		return entry{}, false
	}
	return entries[i], true
}

// find is what a tree has at a path.
func (c *comparing) find(tree, path string) (entry, bool, error) {
	for {
		entries, err := c.entries(tree)
		if err != nil {
			return entry{}, false, err
		}
		name, rest, deeper := strings.Cut(path, "/")
		e, ok := entryOf(entries, name)
		if !ok || !deeper {
			return e, ok, nil
		}
		if e.kind != dirEntry {
			return entry{}, false, nil
		}
		tree, path = e.id, rest
	}
}

// filterOf asks git which filter paths have by a rule set, together with the rules that the user and the repository have outside of
// trees. It needs no checkout, and works with git before 2.40, which has no --source.
func (p *Private) filterOf(ctx context.Context, s ruleSet, paths []string, names map[string]bool) (map[string]string, error) {
	if err := p.ownAttributes(); err != nil {
		return nil, err
	}
	dir, err := p.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var entries strings.Builder
	for at, id := range s {
		if id != "" {
			fmt.Fprintf(&entries, "100644 %s\t%s%s\x00", id, at, attributesName)
		}
	}
	c := p.foreign()
	c.env = append(c.env, "GIT_INDEX_FILE="+filepath.Join(dir, "index"))
	if c.stdin = entries.String(); c.stdin != "" {
		if _, err := gitWith(ctx, c, "update-index", "-z", "--index-info"); err != nil {
			return nil, err
		}
	}
	c.stdin = strings.Join(paths, "\x00") + "\x00"
	args := []string{"check-attr", "--cached", "-z", "--stdin", "filter"}
	if file, err := git(ctx, p.tree.Path, "config", "--includes", "--type=path", "--get", "core.attributesFile"); err == nil {
		args = append([]string{"-c", "core.attributesFile=" + strings.TrimSuffix(file, "\n")}, args...)
	}
	if out, err := git(ctx, p.tree.Path, "config", "--includes", "--type=bool", "--get", "core.ignoreCase"); err == nil {
		args = append([]string{"-c", "core.ignoreCase=" + strings.TrimSpace(out)}, args...)
	}
	out, err := gitWith(ctx, c, args...)
	if err != nil {
		return nil, err
	}
	return withFilter(out, names), nil
}

// infoAttributes are a repository's own rules, which come before those of trees.
const infoAttributes = "info/attributes"

// ownAttributes gives the trusted repository the attributes that the repository has of its own.
func (p *Private) ownAttributes() error {
	text, err := distrust.File(filepath.Join(p.repo.CommonDir, infoAttributes), maxConfig)
	if errors.Is(err, os.ErrNotExist) {
		text, err = nil, nil
	}
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(p.trusted())
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll("info", 0o700); err != nil {
		return err
	}
	return distrust.Write(root, infoAttributes, text, 0o600)
}
