package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// Agents make worktrees and clones beside their own worktree by themselves, and git status of the worktree does not tell what is in
// them, least of all below an ignored folder. A removal looks into each. All of it is the agent's to write: it is read by us, and git
// on the host works in a git directory of ours with copies of its objects.

const (
	mostInner  = 500              // repositories and worktrees that are looked into
	innerLimit = 60 * time.Second // for all of them together
)

// Outside is a worktree that the agent made elsewhere than in its own, so that it is in the container alone.
type Outside struct {
	Name string // of its folder in the private git directory
	Path string // in the container
}

// inner looks into what lies in one instance's worktree and private git directory.
type inner struct {
	*Private
	u     *Unsaved
	rules string   // the commit whose ignore rules count in the agent's own worktrees
	agent *os.Root // nil where there is none
	tree  *os.Root // nil where the worktree stays, or is gone

	copied int64 // bytes of objects
	repos  map[string]*innerRepo
	order  []*innerRepo
	linked map[string]string // the agent's worktrees, by their folders in the private git directory: where they are in the worktree
	n      int
}

// innerRepo is a repository that is not the instance's own.
type innerRepo struct {
	in     *os.Root // agent or tree
	dir    string   // its git directory below in
	called string
	trees  []innerTree
	copied bool // its objects
}

// innerTree is a checkout of one.
type innerTree struct {
	path string // below the worktree
	own  string // its own git directory, below innerRepo.in
}

// Inner adds to u what would be lost with the worktrees and repositories that the agent made: changed files, and of repositories of
// their own the commits that are nowhere else. What cannot be looked into counts as work. Worktrees that are in the container alone
// are told, for the caller to look at with [Private.Outside]. EndInner deletes what a call leaves.
func (p *Private) Inner(ctx context.Context, u *Unsaved) (outside []Outside, err error) {
	limited, cancel := context.WithTimeoutCause(ctx, innerLimit, fmt.Errorf("it takes longer than %s", innerLimit))
	defer cancel()
	i := inner{Private: p, u: u, repos: map[string]*innerRepo{}, linked: map[string]string{}}
	if i.agent, err = p.openAgent(ctx); err != nil {
		return nil, err
	}
	if i.agent != nil {
		defer i.agent.Close()
	}
	if p.tree.Owned && !p.tree.Prunable {
		if i.tree, err = openRoot(p.tree.Path); err != nil {
			return nil, err
		}
	}
	if i.tree != nil {
		defer i.tree.Close()
		if i.rules, err = p.repo.rulesOf(limited, p.tree); err != nil {
			return nil, err
		}
	}
	i.find(limited)
	for _, r := range i.order {
		i.repository(limited, r)
	}
	outside = i.worktrees(limited)
	return outside, ctx.Err()
}

// openRoot holds a folder; nil is none.
func openRoot(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return root, err
}

// openAgent holds the agent's half of the private git directory, also where the agent took away the right to.
func (p *Private) openAgent(ctx context.Context) (*os.Root, error) {
	root, err := openRoot(p.agent())
	if err == nil && root != nil {
		if _, err = distrust.ReadDir(ctx, root, ".", maxLooseRefs); err == nil {
			return root, nil
		}
		_ = root.Close()
	}
	if !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	if err := Reach(ctx, p.agent(), p.repo.Own); err != nil {
		return nil, err
	}
	return openRoot(p.agent())
}

// unseen counts as work what could not be looked into.
func (i *inner) unseen(name string, err error) {
	i.u.Untracked = append(i.u.Untracked, fmt.Sprintf("%s (cannot be looked into: %s)", name, oneLine(err.Error())))
}

// find collects the repositories.
func (i *inner) find(ctx context.Context) {
	if i.tree != nil {
		dotGit := func(e fs.DirEntry) bool { return e.Name() == ".git" }
		err := distrust.WalkReadable(ctx, i.tree, ".", mostEntries, dotGit, i.visit)
		if err != nil && !errors.Is(err, fs.SkipAll) {
			i.unseen("repositories in "+i.Private.tree.Path, whyEnded(ctx, err))
		}
	}
	if i.agent == nil {
		return
	}
	none := func(fs.DirEntry) bool { return false }
	err := distrust.WalkReadable(ctx, i.agent, "modules", maxListed, none, func(name string, _ fs.DirEntry) error {
		if !isBare(i.agent, name) {
			return nil
		}
		i.add(i.agent, name, name+" of the container's git directory")
		return fs.SkipDir
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.SkipAll) {
		i.unseen("modules of the container's git directory", whyEnded(ctx, err))
	}
}

// whyEnded is the cause where a context ended something.
func whyEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// visit looks whether a name in the worktree is a repository's.
func (i *inner) visit(name string, e fs.DirEntry) error {
	name = filepath.ToSlash(name)
	if i.n > mostInner {
		i.unseen("repositories in "+i.Private.tree.Path, fmt.Errorf("there are more than %d", mostInner))
		return fs.SkipAll
	}
	switch {
	case name == ".git":
		return skip(e)
	case e.Name() == ".git" && e.IsDir():
		if isBare(i.tree, name) {
			r := i.add(i.tree, name, path.Dir(name))
			r.trees = append(r.trees, innerTree{path.Dir(name), name})
		}
		return fs.SkipDir
	case e.Name() == ".git":
		i.n++
		i.link(path.Dir(name))
	case e.IsDir() && isBare(i.tree, name):
		i.add(i.tree, name, name)
		return fs.SkipDir
	}
	return nil
}

func skip(e fs.DirEntry) error {
	if e.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// add is the repository at a git directory.
func (i *inner) add(in *os.Root, dir, called string) *innerRepo {
	key := in.Name() + "\x00" + dir
	if i.repos[key] == nil {
		i.n++
		r := &innerRepo{in: in, dir: dir, called: called}
		i.repos[key] = r
		i.order = append(i.order, r)
	}
	return i.repos[key]
}

// link follows the .git file of a folder of the worktree, which an agent may have written: by us, and to nowhere else than into the
// worktree and the private git directory.
func (i *inner) link(dir string) {
	text, err := distrust.Read(i.tree, path.Join(dir, ".git"), 4096)
	to, ok := strings.CutPrefix(string(text), "gitdir: ")
	if err != nil || !ok {
		return // git takes it for no repository either
	}
	to = strings.TrimRight(to, "\r\n")
	full := filepath.Clean(absolute(filepath.Join(i.Private.tree.Path, dir), to))
	if i.Private.tree.GitDir != "" && within(filepath.Join(i.Private.tree.GitDir, "modules"), full) {
		return // a submodule of the host's, which is looked into by the host's own git directory of it
	}
	in, own := i.where(full)
	if in == nil {
		i.unseen(dir, fmt.Errorf("its git directory is %s, which is in the container alone", to))
		return
	}
	common := own
	if b, err := distrust.Read(in, path.Join(own, "commondir"), 4096); err == nil {
		at, rel := i.from(in, own, strings.TrimSpace(string(b)))
		if at != in {
			i.unseen(dir, errors.New("its git directory is in two places"))
			return
		}
		common = rel
	}
	if in == i.agent && common == "." {
		i.linked[own] = dir
		return
	}
	if _, err := in.Lstat(path.Join(common, headFile)); err != nil {
		i.unseen(dir, fmt.Errorf("its git directory, %s, is gone", to))
		return
	}
	r := i.add(in, common, dir)
	r.trees = append(r.trees, innerTree{dir, own})
}

// where finds a path of the container's.
func (i *inner) where(full string) (*os.Root, string) {
	for _, at := range []struct {
		root *os.Root
		dir  string
		ok   bool
	}{
		{i.agent, privateTarget, true},
		{i.agent, filepath.Join(i.Private.tree.Path, ".git"), true},
		{i.tree, i.Private.tree.Path, true},
	} {
		if rel, ok := beneath(at.dir, full); ok && at.root != nil {
			return at.root, filepath.ToSlash(rel)
		}
	}
	if full == privateTarget || full == filepath.Join(i.Private.tree.Path, ".git") {
		return i.agent, "."
	}
	return nil, ""
}

// from is where, of a path that may be relative to a folder of one of the roots.
func (i *inner) from(in *os.Root, dir, to string) (*os.Root, string) {
	if filepath.IsAbs(to) {
		return i.where(filepath.Clean(to))
	}
	if rel := path.Join(dir, to); filepath.IsLocal(rel) || rel == "." {
		return in, rel
	}
	return nil, ""
}
