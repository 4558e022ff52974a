package workspace

import (
	"context"
	"fmt"
	"hash"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/system"
)

// maxStamped bounds how many folders of references a stamp looks at.
const maxStamped = 2000

// maxListed bounds how many files and folders they may hold.
const maxListed = 100_000

// Stamp changes when a reference changes, inside or on the host, and when a merge or a lock begins or ends. One that is not
// settled may not change with the next change. So it does when the repository's configuration changes. Git replaces a reference's file, which changes the time of its folder, so that
// only folders are looked at. It changes, too, when a sync that could not bring everything over is due again.
func (p *Private) Stamp() (sum string, settled bool) {
	sum, settled = p.refsStamp()
	if p.due(time.Now()) {
		sum += "+"
	}
	return sum, settled
}

// InnerStamp is the part of Stamp that is inside, and HostStamp of a repository the part that is not: who looks at many
// instances looks at the host's once.
func (p *Private) InnerStamp() (sum string, settled bool) {
	s := newStamping()
	s.inside(p)
	if sum, settled = s.end(); p.due(time.Now()) {
		sum += "+"
	}
	return sum, settled
}

// refsStamp is a Stamp of the references alone.
func (p *Private) refsStamp() (sum string, settled bool) {
	s := newStamping()
	s.inside(p)
	s.host(p.repo)
	if p.tree.GitDir != "" {
		s.head(p.tree.GitDir)
	}
	return s.end()
}

func (s *stamping) inside(p *Private) {
	s.tree(filepath.Join(p.agent(), "refs"))
	s.file(filepath.Join(p.agent(), packedRefs))
	s.file(filepath.Join(p.agent(), packedRefs+".lock"))
	s.head(p.agent())
	s.linked(p.agent())
}

// linked adds what the worktrees that the agent made have checked out, which may be on no branch, and what git puts aside there.
func (s *stamping) linked(agent string) {
	root, err := os.OpenRoot(agent)
	if err != nil {
		return
	}
	defer root.Close()
	s.note(root.Lstat("worktrees"))
	for _, dir := range gitDirs(context.Background(), root)[1:] {
		for _, name := range pendings {
			s.note(root.Lstat(filepath.Join(dir, name)))
		}
	}
}

func (s *stamping) host(r *Repo) {
	s.tree(filepath.Join(r.CommonDir, "refs"))
	s.file(filepath.Join(r.CommonDir, "packed-refs"))
	s.file(filepath.Join(r.CommonDir, "reftable", "tables.list"))
	s.file(filepath.Join(r.CommonDir, configFile)) // which filters there are, and for what: a commit may be held for it
	s.file(filepath.Join(r.CommonDir, infoAttributes))
}

// HostStamp changes when a reference of the repository does, when another branch is checked out in one of its worktrees, and
// when a merge begins or ends there, as Stamp does.
func (r *Repo) HostStamp() (sum string, settled bool) {
	s := newStamping()
	s.host(r)
	s.head(r.CommonDir)
	trees := filepath.Join(r.CommonDir, "worktrees")
	entries, _ := os.ReadDir(trees) // there may be none
	for _, e := range entries {
		s.head(filepath.Join(trees, e.Name()))
	}
	return s.end()
}

// stamping is a stamp in the making.
type stamping struct {
	sum     hash.Hash64
	now     time.Time // of its beginning
	settled bool
}

func newStamping() *stamping { return &stamping{sum: fnv.New64a(), now: time.Now(), settled: true} }

func (s *stamping) end() (string, bool) { return fmt.Sprintf("%x", s.sum.Sum64()), s.settled }

// head adds what a git directory says of its worktree: what is checked out, what git is in the middle of, and whether it is at
// work.
func (s *stamping) head(gitDir string) {
	s.file(filepath.Join(gitDir, headFile))
	s.file(filepath.Join(gitDir, indexFile+".lock"))
	for _, name := range midway {
		s.file(filepath.Join(gitDir, name))
	}
}

func (s *stamping) file(path string) { s.note(os.Lstat(path)) }

func (s *stamping) note(fi fs.FileInfo, err error) {
	if err != nil {
		return
	}
	fmt.Fprintln(s.sum, fi.Name(), fi.ModTime().UnixNano(), fi.Size())
	s.settled = s.settled && system.Settled(fi.ModTime(), s.now)
}

func (s *stamping) tree(dir string) {
	s.file(dir)
	root, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return
	}
	defer root.Close()
	n := 0
	folders := func(fs.DirEntry) bool { return false }
	_ = distrust.WalkReadable(context.Background(), root, filepath.Base(dir), maxListed, folders, func(path string, _ fs.DirEntry) error {
		if path == "refs/headjack" { // ours
			return fs.SkipDir
		}
		if n++; n > maxStamped {
			return fs.SkipAll
		}
		s.note(root.Lstat(path))
		return nil
	})
}
