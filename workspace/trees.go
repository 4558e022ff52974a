package workspace

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// What a commit may add to what its parents have. Git keeps an index with an entry for each path, and so few objects can name so
// many paths that no memory holds them.
const (
	maxNewPaths  = 1_000_000
	maxPathBytes = 256 << 20 // of all new paths together
	maxPath      = 4096      // no checkout can have a longer one
	maxDepth     = 500
	maxPairs     = 300_000 // of trees that are compared for one commit
	maxEntries   = 400_000 // that are kept, of trees that have been read
)

// growth is what a tree adds to others at the same path.
type growth struct {
	paths, bytes int64
	longest      int
	links        bool // submodules, where none was
}

// comparing compares trees. Each pair is looked at once, however many paths lead to it.
type comparing struct {
	objects *objects
	read    map[string][]entry
	kept    int // entries in read
	done    map[string]growth
	alike   map[string]bool // trees without a file that those before do not have
}

func (o *objects) comparing() *comparing {
	return &comparing{objects: o, read: map[string][]entry{}, done: map[string]growth{}, alike: map[string]bool{}}
}

// next is before another commit: what is known of the last ones is kept while it is not much.
func (c *comparing) next() {
	if len(c.done) > maxPairs/4 {
		clear(c.done)
		clear(c.alike)
	}
}

// entries reads a tree.
func (c *comparing) entries(tree string) ([]entry, error) {
	if all, ok := c.read[tree]; ok {
		return all, nil
	}
	_, all, err := c.objects.tree(tree)
	if err != nil {
		return nil, err
	}
	if c.kept += len(all); c.kept > maxEntries {
		clear(c.read)
		c.kept = len(all)
	}
	c.read[tree] = all
	return all, nil
}

// below are the entries of several trees by name.
func (c *comparing) below(trees []string) (map[string][]entry, error) {
	by := map[string][]entry{}
	for _, tree := range trees {
		all, err := c.entries(tree)
		if err != nil {
			return nil, err
		}
		for _, e := range all {
			by[e.name] = append(by[e.name], e)
		}
	}
	return by, nil
}

// folders are those of entries that are folders, each once, sorted.
func folders(entries []entry) []string {
	var ids []string
	for _, e := range entries {
		if e.kind == dirEntry {
			ids = append(ids, e.id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func hasLink(entries []entry) bool {
	return slices.ContainsFunc(entries, func(e entry) bool { return e.kind == linkEntry })
}

// growth is what tree adds to the trees that were at its path before.
func (c *comparing) growth(tree string, before []string, depth int) (growth, error) {
	if slices.Contains(before, tree) {
		return growth{}, nil
	}
	key := tree + " " + strings.Join(before, " ")
	if g, ok := c.done[key]; ok {
		return g, nil
	}
	if c.objects.ctx.Err() != nil {
		return growth{}, context.Cause(c.objects.ctx)
	}
	if depth > maxDepth {
		return growth{}, limitError(fmt.Sprintf("its folders are nested more than %d deep", maxDepth))
	}
	if len(c.done) > maxPairs {
		return growth{}, limitError("its folders are too many to be looked through")
	}
	entries, err := c.entries(tree)
	if err != nil {
		return growth{}, err
	}
	was, err := c.below(before)
	if err != nil {
		return growth{}, err
	}
	var g growth
	for _, e := range entries {
		if err := c.add(&g, e, was[e.name], depth); err != nil {
			return growth{}, err
		}
	}
	c.done[key] = g
	return g, nil
}

// add adds what one entry adds.
func (c *comparing) add(g *growth, e entry, was []entry, depth int) error {
	sub := growth{}
	name := len(e.name)
	switch {
	case e.kind == dirEntry:
		var err error
		if sub, err = c.growth(e.id, folders(was), depth+1); err != nil {
			return err
		}
		if sub.paths > 0 {
			sub.longest += name + 1
			sub.bytes += sub.paths * int64(name+1)
		}
	case e.kind == linkEntry && !hasLink(was):
		sub = growth{1, int64(name), name, true}
	case len(was) == 0:
		sub = growth{1, int64(name), name, false}
	}
	g.paths += sub.paths
	g.bytes += sub.bytes
	g.longest = max(g.longest, sub.longest)
	g.links = g.links || sub.links
	return g.fits()
}

// fits reports a growth that no index should have.
func (g growth) fits() error {
	switch {
	case g.paths > maxNewPaths:
		return limitError(fmt.Sprintf("it adds more than %d paths", maxNewPaths))
	case g.bytes > maxPathBytes:
		return limitError(fmt.Sprintf("it adds paths of more than %d MB", maxPathBytes>>20))
	case g.longest > maxPath:
		return limitError(fmt.Sprintf("it adds a path of more than %d bytes, which no checkout can have", maxPath))
	}
	return nil
}

// newLink is the path of a submodule that tree adds to the trees that were at its path before, and that is not one of those
// allowed; "" when there is none.
func (c *comparing) newLink(tree string, before, allowed []string, prefix string) (string, error) {
	g, err := c.growth(tree, before, strings.Count(prefix, "/"))
	if err != nil || !g.links {
		return "", err
	}
	entries, err := c.entries(tree)
	if err != nil {
		return "", err
	}
	was, err := c.below(before)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		path := prefix + e.name
		found := ""
		switch {
		case e.kind == linkEntry && !hasLink(was[e.name]) && !slices.Contains(allowed, path):
			found = path
		case e.kind == dirEntry:
			found, err = c.newLink(e.id, folders(was[e.name]), allowed, path+"/")
		}
		if err != nil || found != "" {
			return found, err
		}
	}
	return "", nil
}
