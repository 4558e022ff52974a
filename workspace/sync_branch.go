package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/plain"
)

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
	s.st.Report.Message = fmt.Sprintf("branch %s has moved here and in its container; in %s: %s (or inside: %s)", plain.Line(s.tree.Branch),
		plain.Line(s.tree.Path), plain.Shell("git", "merge", s.hostName("refs/heads/"+s.st.Inside)), plain.Shell("git", "merge", "host/"+s.tree.Branch))
	if theirs := "refs/remotes/host/" + s.tree.Branch; s.inside(theirs) != host {
		return s.inTheWay(s.writeRefs(s.root, s.refs, map[string]string{theirs: host}))
	}
	return nil
}

func (s *syncing) contains(ctx context.Context, tip, part string) bool {
	if part == "" { // nobody knows
		return true
	}
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
		if names, err := s.repo.filters(ctx, s.tree.Path); err == nil {
			s.remember(ctx, s.root, names)
		}
	}
	s.st.Base = host
	return nil
}
