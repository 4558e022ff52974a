package workspace

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What the agent's references may bring at once.
const (
	maxNewObjects = 2_000_000
	maxNewBytes   = 64 << 30 // as git unpacks them
)

// vetting looks at what references bring before host git fetches it. Each object is looked at once.
type vetting struct {
	*syncing
	o      *objects
	c      *comparing
	linked bool // submodules, and files that no filter has made, may come: nothing is checked out where the agent's files are
	f      *filtering

	ask   []string
	count int
	size  int64
}

// vet refuses what the host should not have: objects that are missing or too large, too many of them, commits that name too many
// paths, those that make a path a submodule which was none: the folder there can be a repository whose configuration the
// agent wrote, and git on the host would go into it; and those with files that a filter of the user's should have made.
func (s *syncing) vet(ctx context.Context, ids []string, linked bool) error {
	o, err := s.openObjects(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	v := &vetting{syncing: s, o: o, c: o.comparing(), linked: linked}
	if !linked {
		if v.f, err = v.filtering(ctx); err != nil {
			return err
		}
	}
	commits, trees, err := v.tips(ids)
	if err != nil {
		return err
	}
	if err := v.everything(ctx, ids); err != nil {
		return err
	}
	base, err := v.base()
	if err != nil {
		return err
	}
	for _, tree := range append(slices.Clone(trees), commits...) {
		if err := v.adds(tree, tree, base); err != nil {
			return err
		}
	}
	for _, tree := range trees {
		if err := v.f.commit(tree, tree, base); err != nil {
			return err
		}
	}
	return v.f.judge(ctx)
}

// tips are those ids that lead to commits, and those that lead to trees.
func (v *vetting) tips(ids []string) (commits, trees []string, err error) {
	var peeled []string
	for _, id := range ids {
		peeled = append(peeled, id+"^{}")
	}
	found, err := v.o.info(append(slices.Clone(ids), peeled...)...)
	if err != nil {
		return nil, nil, err
	}
	for i, one := range found {
		if one.kind == "" {
			return nil, nil, fmt.Errorf("the object %.12s is missing", ids[i%len(ids)])
		}
		if err := one.fits(); err != nil {
			return nil, nil, err
		}
		switch {
		case i < len(ids): // not peeled yet
		case one.kind == "commit":
			commits = append(commits, one.id)
		case one.kind == "tree":
			trees = append(trees, one.id)
		}
	}
	return commits, trees, nil
}

// base are the trees that a tip may have submodules of.
func (v *vetting) base() ([]string, error) {
	base := v.st.Base
	if base == "" {
		base = v.host["refs/heads/"+v.tree.Branch]
	}
	if base == "" {
		return nil, nil
	}
	return v.treesOf([]string{base})
}

// treesOf are the trees of commits.
func (v *vetting) treesOf(commits []string) ([]string, error) {
	var names, trees []string
	for _, c := range commits {
		names = append(names, c+"^{tree}")
	}
	all, err := v.o.info(names...)
	for i, one := range all {
		if one.kind != "tree" {
			return nil, fmt.Errorf("the tree of %.12s is missing", commits[i])
		}
		trees = append(trees, one.id)
	}
	slices.Sort(trees)
	return slices.Compact(trees), err
}

// known are the commits that the host has of its own, or by earlier syncs.
func (s *syncing) known() []string {
	all := slices.Collect(maps.Values(s.host))
	all = append(all, slices.Collect(maps.Values(s.st.Published))...)
	slices.Sort(all)
	return slices.Compact(all)
}

// everything looks at all that ids bring.
func (v *vetting) everything(ctx context.Context, ids []string) error {
	c := v.foreign()
	c.stdin = strings.Join(ids, "\n") + "\n"
	for _, known := range v.known() {
		c.stdin += "^" + known + "\n"
	}
	err := c.lines(ctx, func(line string) error {
		rest, commit := strings.CutPrefix(line, "commit ")
		if !commit {
			return v.object(line)
		}
		f := strings.Fields(rest) // id, tree, parents
		if len(f) < 2 {
			return errors.New("a commit is broken")
		}
		if err := v.object(f[0]); err != nil {
			return err
		}
		before, err := v.treesOf(f[2:])
		if err != nil {
			return err
		}
		if err := v.adds(f[0], f[1], before); err != nil {
			return err
		}
		return v.f.commit(f[0], f[1], before)
	}, "rev-list", "--stdin", "--ignore-missing", "--objects", "--no-object-names", "--no-commit-header", "--format=commit %H %T %P")
	if err != nil {
		return err
	}
	return v.asked()
}

// object counts an object.
func (v *vetting) object(id string) error {
	if v.count++; v.count > maxNewObjects {
		return limitError(fmt.Sprintf("it brings more than %d objects at once", maxNewObjects))
	}
	if v.ask = append(v.ask, id); len(v.ask) < atOnce {
		return nil
	}
	return v.asked()
}

// asked looks at the objects that were counted last.
func (v *vetting) asked() error {
	all, err := v.o.info(v.ask...)
	if err != nil {
		return err
	}
	v.ask = v.ask[:0]
	for _, one := range all {
		if err := one.fits(); err != nil {
			return err
		}
		if v.size += one.size; v.size > maxNewBytes {
			return limitError(fmt.Sprintf("what it brings unpacks to more than %d GiB", maxNewBytes>>30))
		}
	}
	return nil
}

// adds looks at what a commit adds to the trees that were there before.
func (v *vetting) adds(commit, tree string, before []string) error {
	if commit == tree { // a tip
		id, _, err := v.o.tree(tree)
		if err != nil {
			return err
		}
		tree = id
	}
	v.c.next()
	if v.linked {
		_, err := v.c.growth(tree, before, 0)
		return err
	}
	path, err := v.c.newLink(tree, before, v.st.Protected, "")
	if err == nil && path != "" {
		err = limitError(fmt.Sprintf("it makes %q a submodule, whose repository the agent may have written; merge %s in a checkout of its own if you want that", path, commit[:12]))
	}
	return err
}

// taken are the references in the trusted repository that are fetched.
const taken = "refs/taken/"

// fetch copies what ids lead to. git checks every object on the way. No reference of the host has them yet.
func (s *syncing) fetch(ctx context.Context, ids []string) error {
	refs, stdin := map[string]string{}, strings.Builder{}
	for i, id := range ids {
		refs[fmt.Sprint(taken, i)] = id
		fmt.Fprintln(&stdin, fmt.Sprint(taken, i))
	}
	if err := os.WriteFile(filepath.Join(s.trusted(), "packed-refs"), []byte(packed(refs)), 0o600); err != nil {
		return err
	}
	c := call{dir: s.repo.CommonDir, stdin: stdin.String(), foreign: true}
	_, err := gitWith(ctx, c, "-c", "fetch.fsckObjects=true", "-c", "protocol.file.allow=always", "-c", "fetch.unpackLimit=1000",
		"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--no-recurse-submodules", "--no-show-forced-updates", "--update-shallow",
		"--stdin", s.trusted())
	return err
}
