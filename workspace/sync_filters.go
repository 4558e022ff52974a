package workspace

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// What is looked at where the user has filters.
const (
	maxFilterChanges = 1_000_000 // files that new commits change, together
	maxRuleSets      = 200       // that commits may have which contradict each other
)

// filtering finds the files in new commits that a filter of the user's is for, and that no filter can have made.
//
// Which files these are is asked of the attributes of the commit, of its parents, of the host's branch and of the newest commit that
// is not the agent's: who takes the attribute away does not take the filter away.
type filtering struct {
	*vetting
	names  map[string]bool // of the filters
	host   []string        // trees of the host
	count  int
	groups []filterGroup
}

// filterGroup are files whose folders say the same of attributes.
type filterGroup struct {
	rules ruleSet
	files map[string][]changedFile // by path
}

// changedFile is a file as a commit has it and none of its parents.
type changedFile struct {
	path, id, commit string
}

// filtering is nil where the user has no filters.
func (v *vetting) filtering(ctx context.Context) (*filtering, error) {
	names, err := v.repo.filters(ctx, v.tree.Path)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	f := &filtering{vetting: v, names: names}
	for _, commit := range []string{v.host["refs/heads/"+v.tree.Branch], v.st.Base} {
		if commit != "" {
			f.host = append(f.host, commit)
		}
	}
	rules, err := v.repo.rulesOf(ctx, v.tree)
	if err == nil && rules == "" { // nothing else on the host has any of the branch
		rules = v.st.Began
	}
	if err == nil && objectID.MatchString(rules) { // else it is the branch
		f.host = append(f.host, rules)
	}
	f.host, err = v.treesOf(f.host)
	return f, err
}

// commit notes the files that a commit changes.
func (f *filtering) commit(commit, tree string, before []string) error {
	if f == nil {
		return nil
	}
	var changed []changedFile
	err := f.c.changed(tree, before, "", func(path, id string) error {
		if f.count++; f.count > maxFilterChanges {
			return limitError(fmt.Sprintf("it changes more than %d files, too many to look for those that your filters are for", maxFilterChanges))
		}
		changed = append(changed, changedFile{path, id, commit})
		return nil
	})
	if err != nil || len(changed) == 0 {
		return err
	}
	trees := append(append([]string{tree}, before...), f.host...)
	slices.Sort(trees)
	for _, source := range slices.Compact(trees) {
		known := map[string]ruleSet{}
		for _, file := range changed {
			dir := strings.TrimPrefix(path.Dir(file.path), ".")
			if known[dir] == nil {
				known[dir] = ruleSet{}
				if err := f.c.rulesAt(known[dir], source, dir); err != nil {
					return err
				}
			}
			if err := f.group(known[dir], file); err != nil {
				return err
			}
		}
	}
	return nil
}

// group adds a file to those that can be asked for together with it.
func (f *filtering) group(rules ruleSet, file changedFile) error {
	i := slices.IndexFunc(f.groups, func(g filterGroup) bool { return g.rules.takes(rules) })
	if i < 0 {
		if len(f.groups) == maxRuleSets {
			return limitError("its commits change " + attributesName + " files too often to be looked at")
		}
		i = len(f.groups)
		f.groups = append(f.groups, filterGroup{ruleSet{}, map[string][]changedFile{}})
	}
	g := f.groups[i]
	maps.Copy(g.rules, rules)
	if !slices.ContainsFunc(g.files[file.path], func(o changedFile) bool { return o.id == file.id }) {
		g.files[file.path] = append(g.files[file.path], file)
	}
	return nil
}

// judge refuses the first file that a filter is for and that the host does not have so.
func (f *filtering) judge(ctx context.Context) error {
	if f == nil {
		return nil
	}
	for _, g := range f.groups {
		found, err := f.filterOf(ctx, g.rules, slices.Sorted(maps.Keys(g.files)), f.names)
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(found)) {
			for _, file := range g.files[name] {
				ok, err := f.made(ctx, file, found[name])
				if err != nil {
					return err
				}
				if !ok {
					return f.unfiltered(file, found[name])
				}
			}
		}
	}
	return nil
}

// made reports whether the host has a file's content where the same filter is for it: at its path, or at that of a file that was
// renamed. An empty file has no content.
func (f *filtering) made(ctx context.Context, file changedFile, filter string) (bool, error) {
	one, err := f.o.info(file.id)
	if err != nil || one[0].kind == "blob" && one[0].size == 0 {
		return err == nil, err
	}
	for _, tree := range f.host {
		if e, ok, err := f.c.find(tree, file.path); err != nil || ok && e.id == file.id {
			return err == nil, err
		}
	}
	for _, tree := range f.host {
		if ok, err := f.renamed(ctx, tree, file.id, filter); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// renamed reports whether a tree has a content at any path that the filter is for.
func (f *filtering) renamed(ctx context.Context, tree, id, filter string) (bool, error) {
	var paths []string
	rules := ruleSet{}
	err := gitEach(ctx, f.foreign(), func(item string) {
		if meta, path, ok := strings.Cut(item, "\t"); ok && strings.HasSuffix(meta, " "+id) {
			paths = append(paths, path)
		}
	}, "ls-tree", "-r", "-z", tree)
	for _, p := range paths {
		if err == nil {
			err = f.c.rulesAt(rules, tree, strings.TrimPrefix(path.Dir(p), "."))
		}
	}
	if err != nil || len(paths) == 0 {
		return false, err
	}
	found, err := f.filterOf(ctx, rules, paths, map[string]bool{filter: true})
	return len(found) > 0, err
}

// unfiltered is why a commit is held, and what to do.
func (f *filtering) unfiltered(file changedFile, filter string) error {
	commit := file.commit[:min(12, len(file.commit))]
	return limitError(fmt.Sprintf("commit %s changes %q, which your git's filter %q is for, and no filter runs in the container: it may show what the filter hides. "+
		"Inside: %s, and commit the rest. Here: %s. (%s lets it through)",
		commit, file.path, filter,
		plain.Shell("git", "reset", "--soft", commit+"^")+" && "+plain.Shell("git", "restore", "--staged", file.path),
		plain.Shell("git", "-C", f.tree.Path, "add", file.path)+" && "+plain.Shell("git", "-C", f.tree.Path, "commit"),
		plain.Shell("git", "config", "filter."+filter+".headjack", rawFilter)))
}

// changed calls back with the files of a tree that none of the trees at its path before has so, by path and blob. Folders that have
// none are looked at once, however many paths lead to them.
func (c *comparing) changed(tree string, before []string, prefix string, f func(path, id string) error) error {
	if slices.Contains(before, tree) {
		return nil
	}
	key := tree + " " + strings.Join(before, " ")
	switch {
	case c.alike[key]:
		return nil
	case strings.Count(prefix, "/") > maxDepth:
		return limitError(fmt.Sprintf("its folders are nested more than %d deep", maxDepth))
	case c.objects.ctx.Err() != nil:
		return context.Cause(c.objects.ctx)
	}
	entries, err := c.entries(tree)
	if err != nil {
		return err
	}
	was, err := c.below(before)
	if err != nil {
		return err
	}
	some := false
	tell := func(path, id string) error {
		some = true
		return f(path, id)
	}
	for _, e := range entries {
		switch {
		case e.kind == dirEntry:
			err = c.changed(e.id, folders(was[e.name]), prefix+e.name+"/", tell)
		case e.kind == fileEntry && !e.link && !slices.ContainsFunc(was[e.name], e.sameFile):
			err = tell(prefix+e.name, e.id)
		}
		if err != nil {
			return err
		}
	}
	if !some {
		c.alike[key] = true
	}
	return nil
}

// sameFile reports whether another entry is a file of the same content.
func (e entry) sameFile(o entry) bool { return o.id == e.id && o.kind == fileEntry }
