package workspace

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// maxInnerBytes bounds the objects that are copied to look at, of all repositories together.
const maxInnerBytes = 4 << 30

func (p *Private) innerDir() string { return filepath.Join(p.dir, "inner") }

// EndInner deletes the copies that looking into repositories made.
func (p *Private) EndInner() { _ = os.RemoveAll(p.innerDir()) }

// copyOf is where a copy of a repository's objects is, and git that reads them with those of the host and the agent.
func (i *inner) copyOf(r *innerRepo) (*Private, call) {
	sum := sha256.Sum256([]byte(r.in.Name() + "\x00" + r.dir))
	q := &Private{repo: i.repo, dir: filepath.Join(i.innerDir(), fmt.Sprintf("%x", sum[:8])), name: i.name}
	c := q.foreign()
	c.env = append(c.env, alternateEnv+filepath.Join(i.trusted(), "objects"))
	return q, c
}

const alternateEnv = "GIT_ALTERNATE_OBJECT_DIRECTORIES="

// repository adds what would be lost with one.
func (i *inner) repository(ctx context.Context, r *innerRepo) {
	if ctx.Err() != nil {
		i.unseen(r.called, context.Cause(ctx))
		return
	}
	root, err := distrust.OpenDir(r.in, filepath.FromSlash(r.dir))
	if err != nil {
		i.unseen(r.called, err)
		return
	}
	defer root.Close()
	refs, err := agentRefs(ctx, root)
	if err != nil {
		i.unseen(r.called, whyEnded(ctx, err))
		return
	}
	if err := i.commits(ctx, r, root, refs); err != nil {
		i.unseen("commits of "+r.called, whyEnded(ctx, err))
	}
	if i.tree == nil {
		return
	}
	for _, t := range r.trees {
		if err := i.files(ctx, r, root, refs, t); err != nil {
			i.unseen(t.path, whyEnded(ctx, err))
		}
	}
}

// commits adds those that no remote of the repository has, nor the host.
func (i *inner) commits(ctx context.Context, r *innerRepo, root *os.Root, refs *innerRefs) error {
	own, elsewhere, err := i.ownCommits(ctx, root, refs)
	if err != nil || len(own) == 0 {
		return err
	}
	host, err := git(ctx, i.repo.CommonDir, "for-each-ref", "--format=%(objectname)")
	if err != nil {
		return err
	}
	here := strings.Fields(host)
	maps.DeleteFunc(own, func(_, id string) bool { return slices.Contains(here, id) })
	if len(own) == 0 {
		return nil
	}
	if err := i.copy(ctx, r, root); err != nil {
		return err
	}
	_, c := i.copyOf(r)
	var ask strings.Builder
	for _, id := range slices.Compact(slices.Sorted(maps.Values(own))) {
		ask.WriteString(id + "\n")
	}
	known, missing, err := i.present(ctx, c, ask.String())
	if err != nil {
		return err
	}
	for _, id := range missing {
		i.u.Commits = append(i.u.Commits, fmt.Sprintf("%s: %.12s (cannot be read: it is missing or broken)", r.called, id))
	}
	if len(known) == 0 {
		return nil
	}
	c.stdin = strings.Join(known, "\n") + "\n"
	for _, id := range append(elsewhere, here...) {
		c.stdin += "^" + id + "\n"
	}
	out, err := gitWith(ctx, c, "log", "--no-show-signature", logFormat, "--max-count=50", "--ignore-missing", "--stdin")
	if err == nil {
		i.u.addCommits(r.called+": ", out)
	}
	return err
}

// present tells of objects whether they are there; those that are no commits, nor lead to one, are told as work by their kind.
func (i *inner) present(ctx context.Context, c call, ids string) (commits, missing []string, err error) {
	c.stdin = strings.ReplaceAll(ids, "\n", "^{}\n")
	out, err := gitWith(ctx, c, "cat-file", "--batch-check=%(objectname) %(objecttype)")
	if err != nil {
		return nil, nil, err
	}
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[1] == "commit":
			commits = append(commits, f[0])
		case len(f) == 2 && f[1] == "missing":
			missing = append(missing, strings.TrimSuffix(f[0], "^{}"))
		}
	}
	return commits, missing, nil
}

// ownCommits are the ids that names of the repository's own have, and those that a remote of it has: not one that is a path, which
// may be in the container alone. Tags that came with a clone are in packed-refs; those are not the agent's.
func (i *inner) ownCommits(ctx context.Context, root *os.Root, refs *innerRefs) (own map[string]string, elsewhere []string, err error) {
	remotes, err := innerRemotes(ctx, root)
	if err != nil {
		return nil, nil, err
	}
	own = maps.Clone(refs.other)
	for ref, id := range refs.ids {
		remote, tracked := strings.CutPrefix(ref, "refs/remotes/")
		switch {
		case tracked && slices.ContainsFunc(remotes, func(name string) bool { return strings.HasPrefix(remote, name+"/") }):
			elsewhere = append(elsewhere, id)
		case strings.HasPrefix(ref, "refs/tags/") && !refs.loose[ref] && len(remotes) > 0, strings.HasPrefix(ref, "refs/replace/"):
		default:
			own[ref] = id
		}
	}
	maps.Copy(own, pending(ctx, root, refs))
	maps.Copy(own, olderStashes(root, refs))
	maps.DeleteFunc(own, func(_, id string) bool { return slices.Contains(elsewhere, id) })
	return own, elsewhere, nil
}

// aPlace is an address on another machine: a URL, or host:path as ssh has it.
var aPlace = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9+.-]*://|[^/:]+:)`)

// innerRemotes are the remotes of a repository that are on other machines. git is given a copy of the configuration, and follows no
// include.
func innerRemotes(ctx context.Context, root *os.Root) (names []string, err error) {
	text, err := distrust.Read(root, "config", maxConfig)
	if err != nil {
		return nil, nil //nolint:nilerr // then it has none
	}
	file, err := patternFile(text)
	if err != nil {
		return nil, err
	}
	defer os.Remove(file)
	out, err := git(ctx, filepath.Dir(file), "config", "--file", file, "--no-includes", "-z", "--get-regexp", `^remote\..*\.url$`)
	if exitCode(err) > 0 { // there is none, or git cannot read it
		return nil, nil
	}
	for _, kv := range nul(out) {
		key, url, _ := strings.Cut(kv, "\n")
		name := strings.TrimSuffix(strings.TrimPrefix(key, "remote."), ".url")
		if aPlace.MatchString(url) && !strings.HasPrefix(strings.ToLower(url), "file:") {
			names = append(names, name)
		}
	}
	return names, err
}

// copy copies a repository's objects.
func (i *inner) copy(ctx context.Context, r *innerRepo, root *os.Root) error {
	if r.copied {
		return nil
	}
	q, _ := i.copyOf(r)
	limit := limitError(fmt.Sprintf("repositories in the worktree have more than %d GiB of objects", maxInnerBytes>>30))
	if i.copied >= maxInnerBytes {
		return limit
	}
	if err := os.MkdirAll(q.dir, 0o700); err != nil {
		return err
	}
	n, err := q.copyObjects(ctx, root, maxInnerBytes-i.copied, limit)
	i.copied += n
	if r.copied = err == nil; err != nil {
		return err
	}
	shallow, err := distrust.Read(root, "shallow", maxNoted)
	if err != nil {
		return nil //nolint:nilerr // it is not
	}
	if have, err := os.ReadFile(filepath.Join(q.trusted(), "shallow")); err == nil && !strings.Contains(string(have), string(shallow)) {
		shallow = append(shallow, have...)
	}
	return os.WriteFile(filepath.Join(q.trusted(), "shallow"), shallow, 0o600)
}

// errNoCommit means that nothing was committed yet.
var errNoCommit = errors.New("there is no commit yet")

// headIn is the commit that a git directory's HEAD is at.
func headIn(root *os.Root, dir string, refs *innerRefs) (string, error) {
	b, err := distrust.Read(root, filepath.Join(dir, headFile), 4096)
	if err != nil {
		return "", err
	}
	head := strings.TrimSpace(string(b))
	if ref, ok := strings.CutPrefix(head, "ref: "); ok {
		if head = refs.ids[ref]; head == "" {
			return "", errNoCommit
		}
	}
	if !objectID.MatchString(head) {
		return "", errors.New("its HEAD names no commit")
	}
	return head, nil
}
