package workspace

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// mend makes the state anew from what is there. The commit that both sides were at is not known: then neither side's commits
// are given up for the other's.
func (p *Private) mend(ctx context.Context) (syncState, error) {
	root, err := os.OpenRoot(p.agent())
	if err != nil {
		return syncState{}, err
	}
	defer root.Close()
	refs, err := agentRefs(ctx, root)
	if err != nil {
		return syncState{}, err
	}
	st := syncState{Inside: p.tree.Branch, Published: map[string]string{}}
	head, _ := distrust.Read(root, headFile, 4096)
	on := strings.TrimPrefix(strings.TrimSpace(string(head)), "ref: refs/heads/")
	for _, name := range []string{on, p.tree.Branch, p.tree.MadeFor} { // the last that is there is the likeliest
		if name != "" && refs.ids["refs/heads/"+name] != "" {
			st.Inside = name
		}
	}
	out, err := git(ctx, p.repo.CommonDir, "for-each-ref", "--format=%(objectname) %(refname)", Namespace(p.name))
	if err != nil {
		return syncState{}, err
	}
	for line := range strings.Lines(out) {
		id, ref, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		st.Published[innerName(strings.TrimPrefix(ref, Namespace(p.name)))] = id
	}
	return st, p.save(st)
}

// innerName is what a reference is called inside that the host has below the instance's namespace.
func innerName(name string) string {
	if other, ok := strings.CutPrefix(name, "other/"); ok {
		return "refs/" + other
	}
	if validRef("refs/" + name) {
		return "refs/" + name
	}
	return name
}

// mendMirrored takes for told what the container has as the host does.
func (p *Private) mendMirrored(ctx context.Context, root *os.Root, st *syncState) error {
	host, err := p.repo.snapshot(ctx)
	if err != nil {
		return err
	}
	refs, err := agentRefs(ctx, root)
	for ref, id := range refs.ids {
		if host[ref] == id {
			st.Mirrored[ref] = id
		}
	}
	if err != nil {
		return nil //nolint:nilerr // the sync says so
	}
	return p.saveMirrored(st.Mirrored)
}

// halfMade reports whether the state is gone and the agent's directory is not: a crash, or somebody's hand.
func (p *Private) halfMade() bool {
	_, err := os.Lstat(p.statePath())
	_, agent := os.Lstat(filepath.Join(p.agent(), headFile))
	return os.IsNotExist(err) && agent == nil
}
