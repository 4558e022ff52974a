package workspace

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// What is read of what git inside notes beside its references.
const (
	maxLogs    = 20_000  // files
	maxLog     = 8 << 20 // bytes of one
	maxNoted   = 1 << 20 // bytes of any other file
	maxLostIDs = 200_000
)

var (
	anyID      = regexp.MustCompile(`\b([0-9a-f]{64}|[0-9a-f]{40})\b`)
	pseudoRef  = regexp.MustCompile(`^[A-Z][A-Z_]*$`)
	midwayDirs = []string{"rebase-merge", "rebase-apply", "sequencer"}
)

// lost are the commits that git inside notes somewhere, and that nothing named reaches: of each line of them the last.
func (k *keeping) lost(ctx context.Context, named map[string]string) ([]string, error) {
	ids := k.noted(ctx)
	for _, id := range named {
		delete(ids, id)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	o, err := k.openObjects(ctx)
	if err != nil {
		return nil, err
	}
	defer o.close()
	all, err := o.info(slices.Sorted(maps.Keys(ids))...)
	if err != nil {
		return nil, err
	}
	var commits []string
	for _, one := range all {
		if one.kind == "commit" {
			commits = append(commits, one.id)
		}
	}
	not := slices.Clone(k.not)
	kinds, err := o.info(slices.Collect(maps.Values(named))...)
	if err != nil {
		return nil, err
	}
	for _, one := range kinds {
		if one.kind == "commit" || one.kind == "tag" {
			not = append(not, one.id)
		}
	}
	apart, err := k.apart(ctx, commits, not)
	if err != nil {
		return nil, err
	}
	parents := map[string]bool{}
	for _, of := range apart {
		for _, id := range of {
			parents[id] = true
		}
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(apart)), func(id string) bool { return parents[id] }), nil
}

// noted are the objects that logs, HEAD and its like, and what git is in the middle of name.
func (k *keeping) noted(ctx context.Context) map[string]bool {
	n := notes{k, map[string]bool{}}
	for _, dir := range gitDirs(ctx, k.root) {
		n.folder(ctx, path.Join(dir, "."), pseudoRef.MatchString)
		for _, sub := range midwayDirs {
			n.folder(ctx, path.Join(dir, sub), func(string) bool { return true })
		}
		err := distrust.Walk(ctx, k.root, path.Join(dir, "logs"), maxLogs, func(name string, e fs.DirEntry) error {
			if e.Type().IsRegular() {
				n.file(name, maxLog, logged)
			}
			return nil
		})
		if !errors.Is(err, fs.ErrNotExist) {
			k.missed(err)
		}
	}
	return n.ids
}

// notes collects ids.
type notes struct {
	*keeping
	ids map[string]bool
}

// folder reads the files of a folder whose names match.
func (n notes) folder(ctx context.Context, dir string, match func(string) bool) {
	all, err := names(ctx, n.root, dir, maxLogs)
	n.missed(err)
	for _, name := range all {
		if match(name) {
			n.file(path.Join(dir, name), maxNoted, func(line string) []string { return anyID.FindAllString(line, -1) })
		}
	}
}

func (n notes) file(name string, most int64, of func(line string) []string) {
	b, err := distrust.Read(n.root, name, most)
	if errors.Is(err, distrust.ErrTooLarge) {
		n.missed(err)
	}
	for line := range strings.Lines(string(b)) {
		for _, id := range of(line) {
			if len(n.ids) < maxLostIDs {
				n.ids[id] = true
			}
		}
	}
}

// logged are the ids that a line of a reference's log begins with: what it was before, and after.
func logged(line string) (ids []string) {
	f := strings.SplitN(line, " ", 3)
	for _, id := range f[:min(len(f), 2)] {
		if objectID.MatchString(id) && strings.Trim(id, "0") != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// staged adds a commit of what is staged inside, where that is not what is checked out.
func (k *keeping) staged(ctx context.Context, named map[string]string) error {
	var errs []error
	for _, dir := range gitDirs(ctx, k.root) {
		id, err := k.stagedIn(ctx, dir)
		errs = append(errs, err)
		if name := path.Join(dir, "staged"); id != "" && validBranch("x/"+name) == nil {
			named[name] = id
		}
	}
	return errors.Join(errs...)
}

func (k *keeping) stagedIn(ctx context.Context, dir string) (string, error) {
	index, err := distrust.Read(k.root, path.Join(dir, indexFile), maxIndex)
	if err != nil {
		return "", nil //nolint:nilerr // there is none
	}
	head := k.headOf(dir)
	if head == "" {
		return "", nil
	}
	scratch, err := k.scratch()
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	tmp := filepath.Join(scratch, "index")
	if err := os.WriteFile(tmp, index, 0o600); err != nil {
		return "", err
	}
	unshare, err := k.shareIndex(ctx, index)
	if err != nil {
		return "", err
	}
	defer unshare()
	c := k.foreign()
	c.env = append(c.env, "GIT_INDEX_FILE="+tmp, "GIT_AUTHOR_NAME=hjk-ls", "GIT_AUTHOR_EMAIL=hjk-ls@localhost", "GIT_COMMITTER_NAME=hjk-ls", "GIT_COMMITTER_EMAIL=hjk-ls@localhost")
	if _, err := gitWith(ctx, c, "diff-index", "--cached", "--quiet", head); err == nil {
		return "", nil
	}
	tree, err := gitWith(ctx, c, "write-tree")
	if err != nil {
		return "", err
	}
	id, err := gitWith(ctx, c, "commit-tree", "-m", "what was staged in the container", "-p", head, strings.TrimSpace(tree))
	return strings.TrimSpace(id), err
}

// headOf is the commit that is checked out in one of the agent's worktrees.
func (k *keeping) headOf(dir string) string {
	b, _ := distrust.Read(k.root, path.Join(dir, headFile), 4096) // there may be none
	head := strings.TrimSpace(string(b))
	if ref, ok := strings.CutPrefix(head, "ref: "); ok {
		return k.refs.ids[ref]
	}
	if objectID.MatchString(head) {
		return head
	}
	return ""
}
