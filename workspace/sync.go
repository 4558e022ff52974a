package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// How the two sides of a branch stand.
const (
	Synced   = "synced"   // both are at the same commit
	Diverged = "diverged" // both have moved; each keeps its own until somebody merges
	Held     = "held"     // the agent's commits are not taken over, for the reason in the message
)

// Report is how the last sync ended.
type Report struct {
	State   string     `json:"state"`
	Message string     `json:"message,omitempty"` // what to do, unless synced
	Refs    []AgentRef `json:"refs,omitempty"`
}

// AgentRef is a branch, tag or note of the agent's own, which the host has under another name.
type AgentRef struct {
	Name   string `json:"name"` // inside
	Ref    string `json:"ref"`  // on the host
	Commit string `json:"commit"`
}

// Namespace is where the host keeps the references of one instance that are not the branch it works on.
func Namespace(instance string) string { return "refs/headjack/" + instance + "/" }

// Sync brings what was committed inside to the host's branch, and what the host has to the container. It costs a few
// stats when nothing has happened since the last time.
func (p *Private) Sync(ctx context.Context) (Report, error) { return p.sync(ctx, false) }

// SyncAnew is a Sync that reads all references again. Before a removal nothing less will do: who writes a reference's file in
// place, as git does not, leaves its folder's time as it was.
func (p *Private) SyncAnew(ctx context.Context) (Report, error) { return p.sync(ctx, true) }

func (p *Private) sync(ctx context.Context, anew bool) (Report, error) {
	unlock, err := lockPrivate(ctx, p.dir, 0)
	if err != nil {
		return Report{}, err
	}
	defer unlock()
	return p.syncLocked(ctx, anew)
}

func (p *Private) syncLocked(ctx context.Context, anew bool) (Report, error) {
	st, err := p.load()
	if err != nil {
		return Report{}, err
	}
	// What changes while this sync works must not pass for known: the stamp that is kept is the one from before it looked.
	stamp, settled := p.Stamp()
	if settled && st.Stamp == stamp && !anew {
		return st.Report, nil
	}
	if st.Mirrored, err = p.loadMirrored(); err != nil {
		return Report{}, err
	}
	root, err := os.OpenRoot(p.agent())
	if err != nil {
		return Report{}, err
	}
	defer root.Close()
	p.clearLocks(root)
	s := syncing{Private: p, root: root, st: &st}
	if err := s.run(ctx); err != nil {
		return Report{}, err
	}
	if st.Stamp = ""; settled && !s.again {
		st.Stamp = stamp
	}
	return st.Report, p.save(st)
}

// Last is how the last sync ended; it reads a small file.
func (p *Private) Last() Report {
	st, err := p.load()
	if err != nil {
		return Report{}
	}
	return st.Report
}

// syncing is one sync.
type syncing struct {
	*Private
	root *os.Root
	st   *syncState

	host  map[string]string // references by name
	refs  *innerRefs
	again bool // what is known now must not be relied on: git inside was in the way
}

// inside is a reference of the agent's.
func (s *syncing) inside(ref string) string { return s.refs.ids[ref] }

func (s *syncing) run(ctx context.Context) (err error) {
	if s.host, err = s.repo.snapshot(ctx); err != nil {
		return err
	}
	s.st.Report = Report{State: Synced}
	if s.refs, err = agentRefs(s.root); err != nil {
		s.hold("the agent's references cannot be read: " + err.Error())
		return nil
	}
	if err := s.publish(ctx); err != nil {
		return err
	}
	if err := s.branch(ctx); err != nil {
		return err
	}
	if s.host, err = s.repo.snapshot(ctx); err != nil {
		return err
	}
	err = s.mirror(s.root, s.st, s.host)
	if errors.Is(err, fs.ErrExist) { // git inside writes just now: next time
		s.again, err = true, nil
	}
	return err
}

func (s *syncing) hold(message string) {
	s.st.Report.State, s.st.Report.Message = Held, oneLine(message)
}

// oneLine is the first line of a message that may quote the agent, without control characters.
func oneLine(message string) string {
	message, _, _ = strings.Cut(message, "\n")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, message)
}

// own are the agent's references that the host does not have, by their name inside.
func (s *syncing) own() map[string]string {
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
	return own
}

// detachedHead is what a commit is filed under that no reference inside has.
const detachedHead = "HEAD"

// detached is the commit that git inside is on without a branch, as in the middle of a rebase; "" when a reference has it
// anyway.
func (s *syncing) detached(ctx context.Context) string {
	b, err := distrust.Read(s.root, detachedHead, 4096)
	id := strings.TrimSpace(string(b))
	if err != nil || !objectID.MatchString(id) || slices.Contains(slices.Collect(maps.Values(s.refs.ids)), id) {
		return ""
	}
	out, err := git(ctx, s.repo.CommonDir, "rev-list", "--max-count=1", id, "--not", "--branches", "--remotes", "--tags")
	if err == nil && out == "" {
		return ""
	}
	return id
}

// mostStashes bounds how many older stashes are filed.
const mostStashes = 50

// stashes are the stashes below the newest, which git has in a log alone: stash@{1} is filed as stash-1.
func (s *syncing) stashes() map[string]string {
	b, err := distrust.Read(s.root, "logs/refs/stash", 1<<20)
	if err != nil || s.inside("refs/stash") == "" {
		return nil
	}
	older := map[string]string{}
	log := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	for i := 1; i < len(log) && i <= mostStashes; i++ {
		if f := strings.Fields(log[len(log)-1-i]); len(f) > 1 && objectID.MatchString(f[1]) {
			older[fmt.Sprintf("refs/stash-%d", i)] = f[1]
		}
	}
	return older
}

// publish brings the agent's own references, and the branch's new commits, under the instance's namespace. Those whose
// objects are missing or broken, or that would plant a repository, are left out.
func (s *syncing) publish(ctx context.Context) error {
	own := s.own()
	if id := s.detached(ctx); id != "" {
		own[detachedHead] = id
	}
	maps.Copy(own, s.stashes())
	if maps.Equal(own, s.st.Published) {
		s.report()
		return nil
	}
	if err := s.quarantine(s.root); err != nil {
		return fmt.Errorf("copy the agent's objects: %w", err)
	}
	if err := s.fetchLFS(s.root); err != nil {
		return fmt.Errorf("copy the agent's git-lfs files: %w", err)
	}
	for _, ref := range slices.Sorted(maps.Keys(own)) {
		if s.st.Published[ref] == own[ref] {
			continue
		}
		if err := s.take(ctx, ref, own[ref]); err != nil {
			if ctx.Err() != nil {
				return err
			}
			s.hold(fmt.Sprintf("%s of %s is not taken over: %v", strings.TrimPrefix(ref, "refs/"), s.name, err))
			delete(own, ref)
		}
	}
	for ref := range s.st.Published {
		if own[ref] == "" {
			if _, err := git(ctx, s.repo.CommonDir, "update-ref", "-d", s.hostName(ref)); err != nil {
				return err
			}
		}
	}
	s.st.Published = own
	s.report()
	return nil
}

func (s *syncing) hostName(ref string) string {
	return Namespace(s.name) + strings.TrimPrefix(ref, "refs/")
}

func (s *syncing) report() {
	for _, ref := range slices.Sorted(maps.Keys(s.st.Published)) {
		if ref != "refs/heads/"+s.st.Inside {
			s.st.Report.Refs = append(s.st.Report.Refs, AgentRef{Name: strings.TrimPrefix(ref, "refs/"), Ref: s.hostName(ref), Commit: s.st.Published[ref]})
		}
	}
}

// take fetches one reference from the trusted repository. git checks every object on the way.
func (s *syncing) take(ctx context.Context, ref, id string) error {
	if err := s.noPlantedRepository(ctx, id); err != nil {
		return err
	}
	file := filepath.Join(s.trusted(), "packed-refs")
	if err := os.WriteFile(file, []byte(packed(map[string]string{taken: id})), 0o600); err != nil {
		return err
	}
	_, err := git(ctx, s.repo.CommonDir, "-c", "fetch.fsckObjects=true", "-c", "protocol.file.allow=always", "-c", "fetch.unpackLimit=1000",
		"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--no-recurse-submodules", "--no-show-forced-updates", "--update-shallow",
		s.trusted(), "+"+taken+":"+s.hostName(ref))
	return err
}

// taken is the reference in the trusted repository that is fetched.
const taken = "refs/taken"

// noPlantedRepository refuses commits that make a path a submodule which was none: the folder there can be a repository
// whose configuration the agent wrote, and git on the host would go into it.
func (s *syncing) noPlantedRepository(ctx context.Context, id string) error {
	var in strings.Builder
	in.WriteString(id + "\n")
	for _, known := range s.host {
		in.WriteString("^" + known + "\n")
	}
	trusted := call{dir: s.trusted(), stdin: in.String(), env: []string{"GIT_DIR=" + s.trusted()}}
	out, err := gitWith(ctx, trusted, "log", "--stdin", "--no-show-signature", "--format=", "--raw", "-c", "--no-renames", "--no-abbrev", "-z", "--root")
	if err != nil {
		return err
	}
	trusted.stdin = ""
	tip, err := gitWith(ctx, trusted, "diff-tree", "-r", "--raw", "--no-renames", "-z", s.st.Base, id)
	if err != nil {
		return err
	}
	for _, raw := range []string{out, tip} {
		fields := nul(raw)
		for i := 0; i+1 < len(fields); i++ {
			meta := strings.TrimLeft(strings.TrimSpace(fields[i]), "\n")
			if !strings.HasPrefix(meta, ":") {
				continue
			}
			path := fields[i+1]
			i++
			if newGitlink(meta) && !slices.Contains(s.st.Protected, path) {
				return fmt.Errorf("it makes %q a submodule, whose repository the agent may have written; merge %s in a checkout of its own if you want that", path, id[:12])
			}
		}
	}
	return nil
}

// newGitlink reads the modes of a raw diff line, which for a merge has several old ones.
func newGitlink(meta string) bool {
	parents := len(meta) - len(strings.TrimLeft(meta, ":"))
	modes := strings.Fields(strings.TrimLeft(meta, ":"))
	if len(modes) <= parents || modes[parents] != "160000" {
		return false
	}
	return !slices.Contains(modes[:parents], "160000")
}

// branch makes both sides of the branch agree, where one of them has not moved or contains the other.
func (s *syncing) branch(ctx context.Context) error {
	in, host := s.inside("refs/heads/"+s.st.Inside), s.host["refs/heads/"+s.tree.Branch]
	switch {
	case host == "": // deleted on the host: run restores it
		return nil
	case in == host:
		return s.agreed(ctx, host)
	case in == "", in == s.st.Base:
		return s.inward(ctx, host)
	case host != s.st.Base && s.contains(ctx, host, in):
		return s.inward(ctx, host)
	case s.st.Published["refs/heads/"+s.st.Inside] != in:
		return nil // held, the report says why
	case host == s.st.Base:
		return s.outward(ctx, in, host)
	}
	if s.contains(ctx, in, host) && s.contains(ctx, host, s.st.Base) { // not where the host went back
		return s.outward(ctx, in, host)
	}
	s.st.Report.State = Diverged
	s.st.Report.Message = fmt.Sprintf("branch %s has moved here and in its container; in %s: git merge %s (or inside: git merge host/%s)",
		s.tree.Branch, s.tree.Path, s.hostName("refs/heads/"+s.st.Inside), s.tree.Branch)
	if theirs := "refs/remotes/host/" + s.tree.Branch; s.inside(theirs) != host {
		return s.inTheWay(s.writeRefs(s.root, s.refs, map[string]string{theirs: host}))
	}
	return nil
}

func (s *syncing) contains(ctx context.Context, tip, part string) bool {
	_, err := git(ctx, s.repo.CommonDir, "merge-base", "--is-ancestor", part, tip)
	return err == nil
}

// outward moves the host's branch to the agent's commit and the worktree's index with it, keeping what is staged there.
func (s *syncing) outward(ctx context.Context, in, host string) error {
	if s.tree.Current != s.tree.Branch {
		s.st.Report.State = Held
		s.st.Report.Message = fmt.Sprintf("%s is not on branch %s now; the agent's commits are at %s until it is", s.tree.Path, s.tree.Branch, s.hostName("refs/heads/"+s.st.Inside))
		return nil
	}
	if lock := filepath.Join(s.tree.GitDir, indexFile+".lock"); stays(ctx, lock) { // whoever commits there would fail
		s.again = true
		s.hold(fmt.Sprintf("git is at work in %s; if it is not, remove %s; the agent's commits are at %s until then", s.tree.Path, lock, s.hostName("refs/heads/"+s.st.Inside)))
		return nil
	}
	if unfinished(s.tree.GitDir) {
		s.again = true
		s.hold(fmt.Sprintf("%s is in the middle of a merge; the agent's commits are at %s until that is committed or aborted", s.tree.Path, s.hostName("refs/heads/"+s.st.Inside)))
		return nil
	}
	if _, err := git(ctx, s.tree.Path, "update-ref", "-m", "hjk-ls: the agent's commits", "refs/heads/"+s.tree.Branch, in, host); err != nil {
		return s.moved(ctx, host, err)
	}
	was := s.st.Base // where a sync that was killed has left the index
	s.st.Base = in
	if err := s.indexOutside(ctx, was, host, in); err != nil {
		return err
	}
	delete(s.st.Published, "refs/heads/"+s.st.Inside)
	_, err := git(ctx, s.repo.CommonDir, "update-ref", "-d", s.hostName("refs/heads/"+s.st.Inside))
	return err
}

// moved looks again after the host's branch could not be moved from a commit: somebody commits there just now.
func (s *syncing) moved(ctx context.Context, from string, err error) error {
	now, again := s.repo.snapshot(ctx)
	if again != nil || now["refs/heads/"+s.tree.Branch] == from {
		return err
	}
	s.host = now
	return s.branch(ctx)
}

// agreed is when both sides are at the same commit. They may have got there in a sync that was killed before the index was
// moved; moving one that has been moved changes nothing.
func (s *syncing) agreed(ctx context.Context, commit string) error {
	if s.st.Base == commit {
		return nil
	}
	if s.tree.Current == s.tree.Branch {
		if err := errors.Join(s.indexOutside(ctx, s.st.Base, commit), s.indexInside(ctx, s.st.Base, commit)); err != nil {
			return s.inTheWay(err)
		}
	}
	s.st.Base = commit
	return nil
}

// inTheWay is when git inside works on what is to be changed: the next sync does it. A lock that git left inside when it was
// killed stays in the way of both.
func (s *syncing) inTheWay(err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	s.again = true
	s.hold("git in the container is at work; if it is not, remove the *.lock files of its git directory there")
	return nil
}

// inward moves the branch inside to the host's commit and, where it is checked out there, the index with it.
func (s *syncing) inward(ctx context.Context, host string) error {
	if unfinished(s.agent()) {
		s.again = true
		s.hold("git in the container is in the middle of a merge or a rebase; what was committed here waits until that is committed or aborted there")
		return nil
	}
	ref := "refs/heads/" + s.st.Inside
	old := s.inside(ref)
	if err := s.writeRefs(s.root, s.refs, map[string]string{ref: host}); err != nil {
		return s.inTheWay(err)
	}
	head, err := distrust.Read(s.root, headFile, 4096)
	if err == nil && strings.TrimSpace(string(head)) == "ref: "+ref && old != "" { // else the agent is on another branch, or has broken its own
		was := s.st.Base // where a sync that was killed has left the index
		s.st.Base = old
		if err := s.indexInside(ctx, was, old, host); err != nil {
			return s.inTheWay(err)
		}
	}
	s.st.Base = host
	return nil
}

// Forget deletes what the host keeps of the instance's own references.
func (r *Repo) Forget(ctx context.Context, instance string) error {
	out, err := git(ctx, r.CommonDir, "for-each-ref", "--format=delete %(refname)", Namespace(instance))
	if err != nil || out == "" {
		return err
	}
	_, err = gitWith(ctx, call{dir: r.CommonDir, stdin: out}, "update-ref", "--stdin")
	return err
}
