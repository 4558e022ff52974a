package workspace

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// maxOwn bounds how many references of the agent's own the host has.
const maxOwn = 5000

// detachedHead is what a commit is filed under that no reference inside has.
const detachedHead = "HEAD"

// pendings are the files in a git directory that name a commit which no reference need have: what is checked out, and what git
// puts aside until a merge or a rebase has ended.
var pendings = []string{
	detachedHead, "MERGE_AUTOSTASH", "rebase-merge/autostash", "rebase-merge/orig-head", "rebase-apply/autostash", "rebase-apply/orig-head",
}

// own are the agent's references that the host does not have, by their name inside, and what else git inside keeps there by a
// name.
func (s *syncing) own(ctx context.Context) (map[string]string, error) {
	own := map[string]string{}
	for ref, id := range s.refs.ids {
		if strings.HasPrefix(ref, "refs/remotes/") || strings.HasPrefix(ref, "refs/replace/") {
			continue
		}
		host := ref
		if ref == "refs/heads/"+s.st.Inside {
			host = "refs/heads/" + s.tree.Branch
		}
		if id != s.host[host] && id != s.st.Mirrored[ref] {
			own[ref] = id
		}
	}
	if id := s.inside("refs/heads/" + s.st.Inside); id == s.st.Base {
		delete(own, "refs/heads/"+s.st.Inside)
	}
	extra := maps.Clone(s.refs.other)
	maps.Copy(extra, pending(ctx, s.root, s.refs))
	maps.Copy(extra, s.stashes())
	err := s.dropReached(ctx, extra)
	maps.Copy(own, extra)
	return own, err
}

// pending are the commits that git inside is on, or works with, that no reference inside has, each by the file that names it, and
// the references that belong to one of the agent's worktrees.
func pending(ctx context.Context, root *os.Root, refs *innerRefs) map[string]string {
	named := map[string]bool{}
	for _, id := range refs.ids {
		named[id] = true
	}
	all := map[string]string{}
	add := func(name, id string) {
		if !named[id] && objectID.MatchString(id) && validBranch("x/"+name) == nil {
			all[name] = id
		}
	}
	for _, dir := range gitDirs(ctx, root) {
		for _, name := range pendings {
			if b, err := distrust.Read(root, path.Join(dir, name), 4096); err == nil {
				add(path.Join(dir, name), strings.TrimSpace(string(b)))
			}
		}
		if dir != "" {
			_ = looseRefs(ctx, root, path.Join(dir, "refs"), new(int), add) // those that were read count
		}
	}
	return all
}

// mostStashes bounds how many older stashes are filed.
const mostStashes = 50

// stashes are the stashes below the newest, which git has in a log alone: stash@{1} is filed as stash-1.
func (s *syncing) stashes() map[string]string { return olderStashes(s.root, s.refs) }

func olderStashes(root *os.Root, refs *innerRefs) map[string]string {
	b, err := distrust.Read(root, "logs/refs/stash", 1<<20)
	if err != nil || refs.ids["refs/stash"] == "" {
		return nil
	}
	older := map[string]string{}
	log := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	for i := 1; i < len(log) && i <= mostStashes; i++ {
		if f := strings.Fields(log[len(log)-1-i]); len(f) > 1 && objectID.MatchString(f[1]) {
			older[fmt.Sprintf("stash-%d", i)] = f[1]
		}
	}
	return older
}

// hostRefs are all references of the host but those that hjk-ls files, as arguments of git.
var hostRefs = []string{"--exclude=refs/headjack/*", "--all"}

// dropReached deletes those commits from a map that a reference of the host reaches.
func (p *Private) dropReached(ctx context.Context, ids map[string]string) error {
	if len(ids) == 0 {
		return nil
	}
	var ask strings.Builder
	for _, id := range slices.Sorted(maps.Values(ids)) {
		ask.WriteString(id + "^{commit}\n")
	}
	c := p.lending()
	c.stdin = ask.String()
	out, err := gitWith(ctx, c, "cat-file", "--batch-check=%(objectname)")
	if err != nil {
		return err
	}
	here := map[string]bool{}
	ask.Reset()
	for line := range strings.Lines(out) {
		if id := strings.TrimSpace(line); objectID.MatchString(id) {
			here[id] = true
			ask.WriteString(id + "\n")
		}
	}
	if len(here) == 0 {
		return nil
	}
	apart := map[string]bool{} // what is here and not reached
	c = call{dir: p.repo.CommonDir, stdin: ask.String()}
	err = c.lines(ctx, func(id string) error {
		if here[id] {
			apart[id] = true
		}
		return nil
	}, append([]string{"rev-list", "--stdin", "--not"}, hostRefs...)...)
	maps.DeleteFunc(ids, func(_, id string) bool { return here[id] && !apart[id] })
	return err
}

// maxLine bounds a line of git's: that of a commit has its parents.
const maxLine = 2 * maxCommit

// lines runs git and calls back with each line of its output, without keeping it.
func (c call) lines(ctx context.Context, f func(string) error, args ...string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd, full := c.command(ctx, args)
	stderr := bounded{max: maxComplaint}
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.start(cmd); err != nil {
		return err
	}
	scan := bufio.NewScanner(out)
	scan.Buffer(nil, maxLine)
	for err == nil && scan.Scan() {
		err = f(scan.Text())
	}
	if err == nil {
		err = scan.Err()
	}
	if err != nil {
		cancel()
		_ = cmd.Wait()
		return err
	}
	_, err = gitEnded(ctx, cmd.Wait(), full, "", stderr.String())
	return err
}
