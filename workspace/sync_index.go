package workspace

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// gitAt is git somewhere, with what it reads from standard input.
type gitAt func(stdin string, args ...string) (string, error)

// moveEntries moves an index through commits, from the first, where it may still be, to the last. What is staged stays
// staged: of a commit that has other content for it, the rest is taken.
func moveEntries(git gitAt, commits ...string) error {
	for i, now := range commits[1:] {
		old := commits[i]
		if old == now || old == "" { // that of a state that was mended is not known
			continue
		}
		if _, err := git("", "read-tree", "-i", "-m", old, now); err == nil {
			continue
		}
		if err := moveUnstaged(git, old, now); err != nil {
			return err
		}
	}
	return nil
}

// moveUnstaged moves the entries of those paths alone that are as in the old commit.
func moveUnstaged(git gitAt, old, now string) error {
	names, err := git("", "diff-index", "--cached", "--name-only", "--no-renames", "-z", old)
	if err != nil {
		return err
	}
	staged := map[string]bool{}
	for _, name := range nul(names) {
		staged[name] = true
	}
	raw, err := git("", "diff-tree", "-r", "--raw", "--no-renames", "--no-abbrev", "-z", old, now)
	if err != nil {
		return err
	}
	var entries strings.Builder
	fields := nul(raw)
	for i := 0; i+1 < len(fields); i += 2 {
		meta, name := strings.Fields(fields[i]), fields[i+1] // :mode mode id id letter
		if len(meta) == 5 && !staged[name] {
			entries.WriteString(meta[1] + " " + meta[3] + "\t" + name + "\x00")
		}
	}
	if entries.Len() == 0 {
		return nil
	}
	_, err = git(entries.String(), "update-index", "-z", "--index-info")
	return err
}

// indexOutside moves the worktree's index through commits. One that git cannot move is made anew in a checkout of ours. Where git writes an
// index it reads the files that are as young, and runs the user's filters on them, which may be the agent's by now: it has none here, and
// such a file is looked at by the user's next `git status`.
func (s *syncing) indexOutside(ctx context.Context, commits ...string) error {
	off, err := filtersOff(ctx, s.tree.Path)
	if err != nil {
		return err
	}
	git := func(stdin string, args ...string) (string, error) {
		return gitPatient(ctx, call{dir: s.tree.Path, stdin: stdin}, append(slices.Clone(off), args...)...)
	}
	err = moveEntries(git, commits...)
	if isLocked(err) { // next time
		return err
	}
	if err != nil && s.tree.Owned {
		_, err = git("", "reset", "--quiet")
		return err
	}
	return nil
}

// maxIndex bounds the index that is read from the agent; that of a million files has 100 MB.
const maxIndex = 128 << 20

// indexTries is how often the agent's index is moved anew because git inside wrote it meanwhile.
const indexTries = 10

// indexInside moves the agent's index through commits, on a copy that git works on beside the trusted repository. It is an
// fs.ErrExist while git inside writes it.
func (s *syncing) indexInside(ctx context.Context, commits ...string) (err error) {
	for range indexTries {
		if err = s.moveIndex(ctx, commits); !errors.Is(err, fs.ErrExist) {
			return err
		}
		select {
		case <-time.After(30 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return err
}

func (s *syncing) moveIndex(ctx context.Context, commits []string) error {
	was, err := distrust.Read(s.root, indexFile, maxIndex)
	if err != nil {
		return nil //nolint:nilerr // there is none
	}
	dir, err := s.scratch()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	tmp := filepath.Join(dir, "index")
	if err := os.WriteFile(tmp, was, 0o600); err != nil {
		return err
	}
	unshare, err := s.shareIndex(ctx, was)
	if err != nil {
		return err
	}
	defer unshare()
	git := func(stdin string, args ...string) (string, error) {
		c := s.foreign()
		c.stdin, c.env = stdin, append(c.env, "GIT_INDEX_FILE="+tmp)
		return gitWith(ctx, c, append([]string{"-c", "core.splitIndex=false"}, args...)...)
	}
	if err := moveEntries(git, commits...); err != nil {
		return ctx.Err()
	}
	moved, err := os.ReadFile(tmp)
	if err != nil {
		return err
	}
	return distrust.Replace(s.root, indexFile, was, moved)
}

// shareIndex copies what a split index is split from to where git looks for it.
func (s *syncing) shareIndex(ctx context.Context, index []byte) (undo func(), err error) {
	var copied []string
	undo = func() {
		for _, file := range copied {
			_ = os.Remove(file)
		}
	}
	all, err := names(ctx, s.root, ".", maxLooseRefs)
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		id, shared := strings.CutPrefix(name, sharedIndex)
		if !shared || !objectID.MatchString(id) {
			continue
		}
		raw, err := hex.DecodeString(id)
		if err != nil || !bytes.Contains(index, raw) {
			continue
		}
		b, err := distrust.Read(s.root, name, maxIndex)
		if err != nil {
			continue // git says so
		}
		file := filepath.Join(s.trusted(), name)
		copied = append(copied, file)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			undo()
			return nil, err
		}
	}
	return undo, nil
}

// scratch is a folder that nobody else works in: a git that a killed process started may still be at work in its own.
func (p *Private) scratch() (string, error) {
	const prefix = "scratch-"
	old, err := named(p.trusted(), prefix)
	if err != nil {
		return "", err
	}
	for _, dir := range old {
		_ = os.RemoveAll(dir)
	}
	return os.MkdirTemp(p.trusted(), prefix)
}
