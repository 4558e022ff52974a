package workspace

import (
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
	"github.com/gilmanlab/hjk-ls/internal/system"
)

// What an agent's references may be at most; beyond it they are not brought over.
const (
	maxLooseRefs  = 5000
	maxPackedRefs = 64 << 20 // bytes
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

// packed is a packed-refs file.
func packed(refs map[string]string) string {
	var b strings.Builder
	b.WriteString("# pack-refs with: sorted \n")
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

// agentRefs reads the references in the private directory. What is no reference of an object is passed over: symbolic
// ones, broken ones, links, names that git would refuse.
func agentRefs(root *os.Root) (refs map[string]string, loose map[string]bool, err error) {
	refs, loose = map[string]string{}, map[string]bool{}
	b, err := distrust.Read(root, "packed-refs", maxPackedRefs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	for line := range strings.Lines(string(b)) {
		id, ref, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if ok && objectID.MatchString(id) && validRef(ref) {
			refs[ref] = id
		}
	}
	if err := looseRefs(root, "refs", refs, loose, new(int)); err != nil {
		return nil, nil, err
	}
	return refs, loose, nil
}

func looseRefs(root *os.Root, dir string, refs map[string]string, loose map[string]bool, n *int) error {
	d, err := root.Open(dir)
	if err != nil {
		return nil //nolint:nilerr // the agent deletes what it likes
	}
	entries, err := d.ReadDir(maxLooseRefs + 1)
	_ = d.Close()
	if err != nil && len(entries) == 0 {
		return nil //nolint:nilerr // an empty folder ends with io.EOF
	}
	for _, e := range entries {
		if *n++; *n > maxLooseRefs {
			return fmt.Errorf("more than %d references; pack them inside with: git pack-refs --all", maxLooseRefs)
		}
		name := path.Join(dir, e.Name())
		switch {
		case e.IsDir():
			if err := looseRefs(root, name, refs, loose, n); err != nil {
				return err
			}
		case e.Type().IsRegular() && validRef(name):
			b, err := distrust.Read(root, name, 256)
			if id := strings.TrimSpace(string(b)); err == nil && objectID.MatchString(id) {
				refs[name], loose[name] = id, true
			}
		}
	}
	return nil
}

// mirror makes the container see the host's references as they are now. Those the agent has changed since it was told of
// them stay the agent's.
func (p *Private) mirror(root *os.Root, st *syncState, host map[string]string) error {
	refs, loose, err := agentRefs(root)
	if err != nil {
		return err
	}
	change := map[string]string{} // "" deletes
	for ref, id := range host {
		if st.Mirrored[ref] != id && refs[ref] == st.Mirrored[ref] {
			change[ref] = id
		}
	}
	for ref, id := range st.Mirrored {
		if host[ref] == "" && refs[ref] == id {
			change[ref] = ""
		}
	}
	delete(change, "refs/heads/"+st.Inside) // its own rules: see Sync
	delete(change, "refs/heads/"+p.tree.Branch)
	if len(change) > 0 {
		err := p.writeRefs(root, refs, loose, change)
		if errors.Is(err, fs.ErrExist) {
			return nil // git inside writes just now: next time
		}
		if err != nil {
			return err
		}
	}
	if maps.Equal(st.Mirrored, host) {
		return nil
	}
	st.Mirrored = host
	return p.saveMirrored(host)
}

// writeRefs changes references in the private directory: in packed-refs, and where the agent has a file for one, that file
// goes. The files are locked as git locks them; one that the agent has changed since it was read is an fs.ErrExist, as is one
// that it changes just now.
func (p *Private) writeRefs(root *os.Root, refs map[string]string, loose map[string]bool, change map[string]string) error {
	var locks []string
	for ref := range change {
		if loose[ref] {
			locks = append(locks, ref+".lock")
		}
	}
	if err := p.noteLocks(locks); err != nil {
		return err
	}
	defer func() { p.clearLocks(root) }()
	for _, lock := range locks {
		f, err := root.OpenFile(lock, os.O_CREATE|os.O_EXCL|os.O_WRONLY|system.NoFollow, 0o644)
		if err != nil {
			return err
		}
		_ = f.Close()
		ref := strings.TrimSuffix(lock, ".lock")
		if b, err := distrust.Read(root, ref, 256); err != nil || strings.TrimSpace(string(b)) != refs[ref] {
			return fs.ErrExist
		}
	}
	for ref, id := range change {
		if id == "" {
			delete(refs, ref)
		} else {
			refs[ref] = id
		}
	}
	if err := distrust.Replace(root, "packed-refs", []byte(packed(refs))); err != nil {
		return err
	}
	for _, lock := range locks { // the packed ones count now
		ref := strings.TrimSuffix(lock, ".lock")
		if err := root.Remove(ref); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		delete(loose, ref)
	}
	return nil
}

// noteLocks writes down which locks are taken inside, for who comes after this process was killed.
func (p *Private) noteLocks(locks []string) error {
	if len(locks) == 0 {
		return nil
	}
	return os.WriteFile(filepath.Join(p.dir, "locks"), []byte(strings.Join(append(locks, "packed-refs.lock", "index.lock"), "\n")), 0o600)
}

// clearLocks removes the locks that were noted.
func (p *Private) clearLocks(root *os.Root) {
	b, err := os.ReadFile(filepath.Join(p.dir, "locks"))
	if err != nil {
		return
	}
	for lock := range strings.SplitSeq(string(b), "\n") {
		if fi, err := root.Lstat(lock); err == nil && fi.Size() == 0 {
			_ = root.Remove(lock)
		}
	}
	_ = os.Remove(filepath.Join(p.dir, "locks"))
}
