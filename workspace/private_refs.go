package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

// What an agent's references may be at most; beyond it they are not brought over.
const (
	maxLooseRefs  = 5000
	maxRefName    = 4096     // bytes; a path is no longer
	maxPackedRefs = 32 << 20 // bytes
)

var objectID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// snapshot is the repository's references, but for those hjk-ls files itself and what belongs to one worktree.
func (r *Repo) snapshot(ctx context.Context) (map[string]string, error) {
	out, err := git(ctx, r.CommonDir, "for-each-ref", "--format=%(objectname) %(refname)",
		"refs/heads", "refs/tags", "refs/remotes", "refs/notes", "refs/replace")
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		id, ref, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		refs[ref] = id
	}
	return refs, nil
}

const packedHeader = "# pack-refs with: sorted \n"

// packed is a packed-refs file.
func packed(refs map[string]string) string {
	var b strings.Builder
	b.WriteString(packedHeader)
	for _, ref := range slices.Sorted(maps.Keys(refs)) {
		b.WriteString(refs[ref] + " " + ref + "\n")
	}
	return b.String()
}

// validRef reports whether a name from the agent is one that git would make.
func validRef(ref string) bool {
	for _, prefix := range []string{"refs/heads/", "refs/tags/", "refs/notes/", "refs/remotes/", "refs/replace/"} {
		if rest, ok := strings.CutPrefix(ref, prefix); ok {
			return validBranch(rest) == nil
		}
	}
	return ref == "refs/stash"
}

// Names of files in the private directory that both sides write.
const (
	packedRefs     = "packed-refs"
	headFile       = "HEAD"
	indexFile      = "index"
	alternatesFile = "objects/info/alternates"
	sharedIndex    = "sharedindex." // with the id of what an index is split from
)

// innerRefs are the references in the private directory.
type innerRefs struct {
	ids    map[string]string // by name
	loose  map[string]bool   // those that have a file of their own
	packed []byte            // the file of the others, as it was read

	other       map[string]string // those that are not of the kinds that both sides have, such as refs/wip/x
	otherPacked map[string]string // those of them that are in the file
}

// agentRefs reads the references in the private directory. What is no reference of an object is passed over: symbolic
// ones, broken ones, links, names that git would refuse. With an error come those that could be read.
func agentRefs(ctx context.Context, root *os.Root) (*innerRefs, error) {
	refs := &innerRefs{ids: map[string]string{}, loose: map[string]bool{}, other: map[string]string{}, otherPacked: map[string]string{}}
	var unread error
	if refs.packed, unread = distrust.Read(root, packedRefs, maxPackedRefs); errors.Is(unread, fs.ErrNotExist) {
		unread = nil
	}
	for line := range bytes.Lines(refs.packed) {
		first, rest, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
		if !ok || !objectID.Match(first) || len(rest) > maxRefName {
			continue
		}
		switch id, ref := string(first), string(rest); {
		case validRef(ref):
			refs.ids[ref] = id
		case otherRef(ref):
			refs.other[ref], refs.otherPacked[ref] = id, id
		}
	}
	err := looseRefs(ctx, root, "refs", new(int), func(ref, id string) {
		if validRef(ref) {
			refs.ids[ref], refs.loose[ref] = id, true
		} else {
			refs.other[ref] = id
		}
	})
	if unread != nil {
		return refs, unread
	}
	return refs, err
}

// otherRef reports whether git would take a name as a reference's that is not one of validRef.
func otherRef(ref string) bool {
	rest, ok := strings.CutPrefix(ref, "refs/")
	return ok && !validRef(ref) && validBranch(rest) == nil
}

// maxRefDepth bounds how deep folders of references are nested.
const maxRefDepth = 64

// looseRefs calls back with the references below a folder that have files of their own. Those of a worktree inside have names
// that begin with its folder.
func looseRefs(ctx context.Context, root *os.Root, dir string, n *int, found func(ref, id string)) error {
	if strings.Count(dir, "/") > maxRefDepth {
		return limitError(fmt.Sprintf("folders of references are nested more than %d deep", maxRefDepth))
	}
	entries, err := listing(ctx, root, dir, maxLooseRefs-*n)
	if errors.Is(err, errTooMany) {
		err = limitError(fmt.Sprintf("more than %d references; pack them inside with: git pack-refs --all", maxLooseRefs))
	}
	if err != nil {
		return err
	}
	*n += len(entries)
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		ref := name[max(0, strings.Index(name, "refs/")):]
		switch {
		case e.IsDir():
			if err := looseRefs(ctx, root, name, n, found); err != nil {
				return err
			}
		case e.Type().IsRegular() && (validRef(ref) || otherRef(ref)):
			b, err := distrust.Read(root, name, 256)
			if err != nil && isTransient(err) {
				return err // it is not gone
			}
			if id := strings.TrimSpace(string(b)); err == nil && objectID.MatchString(id) {
				found(name, id)
			}
		}
	}
	return nil
}

// mirror makes the container see the host's references as they are now. Those the agent has changed since it was told of
// them stay the agent's, and those that are checked out inside stay as they are until they are not: the index and the files there
// would be behind. It is an fs.ErrExist while git inside writes them.
func (p *Private) mirror(ctx context.Context, root *os.Root, st *syncState, host map[string]string) error {
	refs, err := agentRefs(ctx, root)
	if err != nil {
		return err
	}
	change := map[string]string{} // "" deletes
	for ref, id := range host {
		if st.Mirrored[ref] != id && refs.ids[ref] == st.Mirrored[ref] {
			change[ref] = id
		}
	}
	for ref, id := range st.Mirrored {
		if host[ref] == "" && refs.ids[ref] == id {
			change[ref] = ""
		}
	}
	delete(change, "refs/heads/"+st.Inside) // its own rules: see Sync
	delete(change, "refs/heads/"+p.tree.Branch)
	told := maps.Clone(host)
	for _, ref := range checkedOut(ctx, root) {
		if _, ok := change[ref]; !ok {
			continue
		}
		delete(change, ref)
		if delete(told, ref); st.Mirrored[ref] != "" {
			told[ref] = st.Mirrored[ref]
		}
	}
	if len(change) > 0 {
		if err := p.writeRefs(root, refs, change); err != nil {
			return err
		}
	}
	if maps.Equal(st.Mirrored, told) {
		return nil
	}
	st.Mirrored = told
	return p.saveMirrored(told)
}

// checkedOut are the branches that are checked out inside, in the worktree or in one that the agent made.
func checkedOut(ctx context.Context, root *os.Root) (refs []string) {
	for _, dir := range gitDirs(ctx, root) {
		b, err := distrust.Read(root, path.Join(dir, headFile), 4096)
		if ref, ok := strings.CutPrefix(strings.TrimSpace(string(b)), "ref: "); err == nil && ok {
			refs = append(refs, ref)
		}
	}
	return refs
}

// maxTrees bounds how many worktrees of the agent's own are looked at.
const maxTrees = 500

// gitDirs are the folders inside that belong to one worktree each: the private directory itself, and those of the worktrees that
// the agent made.
func gitDirs(ctx context.Context, root *os.Root) []string {
	dirs := []string{""}
	trees, err := listing(ctx, root, "worktrees", maxTrees)
	if err != nil {
		return dirs
	}
	for _, tree := range trees {
		dirs = append(dirs, path.Join("worktrees", tree.Name()))
	}
	return dirs
}

// writeRefs changes references in the private directory: in packed-refs, and where the agent has a file for one, that file
// goes. The files are locked as git locks them; one that the agent has changed since it was read is an fs.ErrExist, as is one
// that it changes just now.
func (p *Private) writeRefs(root *os.Root, refs *innerRefs, change map[string]string) error {
	var locks []string
	for ref := range change {
		if refs.loose[ref] {
			locks = append(locks, ref)
		}
	}
	if err := p.noteLocks(root, locks); err != nil {
		return err
	}
	defer func() { p.clearLocks(root) }()
	for _, ref := range locks {
		if err := distrust.Lock(root, ref); err != nil {
			return err
		}
		if b, err := distrust.Read(root, ref, 256); err != nil || strings.TrimSpace(string(b)) != refs.ids[ref] {
			return fs.ErrExist
		}
	}
	for ref, id := range change {
		if id == "" {
			delete(refs.ids, ref)
		} else {
			refs.ids[ref] = id
		}
	}
	all := maps.Clone(refs.otherPacked)
	maps.Copy(all, refs.ids)
	now := []byte(packed(all))
	if err := distrust.Replace(root, packedRefs, refs.packed, now); err != nil {
		return err
	}
	refs.packed = now
	for _, ref := range locks { // the packed ones count now
		if err := root.Remove(ref); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		delete(refs.loose, ref)
	}
	return nil
}

// noteLocks writes down which locks are taken inside, for who comes after this process was killed.
func (p *Private) noteLocks(root *os.Root, refs []string) error {
	if len(refs) == 0 {
		return nil
	}
	if err := os.WriteFile(filepath.Join(p.dir, "locks"), []byte(strings.Join(refs, "\n")), 0o600); err != nil {
		return err
	}
	return distrust.SetMark(root)
}

// clearLocks removes the locks that this process or a killed one took.
func (p *Private) clearLocks(root *os.Root) {
	for _, name := range []string{packedRefs, indexFile, alternatesFile} {
		distrust.Recover(root, name)
	}
	notes := filepath.Join(p.dir, "locks")
	b, err := os.ReadFile(notes)
	if err != nil {
		return
	}
	for ref := range strings.SplitSeq(string(b), "\n") {
		distrust.Unlock(root, ref)
	}
	_ = root.Remove(distrust.Mark)
	_ = os.Remove(notes)
}
