package workspace

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/system"
)

// What a filter made of files is known for those that are unchanged on the host. Git inside is told, as file and object: then it sees
// that such a file is unchanged, whatever its times say, and can write it again.

// knownFiles is the folder of the agent's git directory with these files, each named by its path and its object.
const knownFiles = "hjk-ls.known"

// What is told of at most.
const (
	maxKnown      = 2000
	maxKnownFile  = 16 << 20
	maxKnownBytes = 64 << 20
)

// remember tells git inside what the files are that the host has unchanged. Without it git inside says that they are changed, and
// nothing else depends on it.
func (p *Private) remember(ctx context.Context, inside *os.Root, names map[string]bool) {
	var want, stay map[string]string // path by name
	if len(names) > 0 {
		var err error
		if want, stay, err = p.unchanged(ctx, names); err != nil {
			return
		}
	}
	have, _ := distrust.ReadDir(ctx, inside, knownFiles, 2*maxKnown) // there may be none
	there := map[string]bool{}
	for _, e := range have {
		if there[e.Name()] = true; want[e.Name()] == "" && stay[e.Name()] == "" {
			_ = inside.Remove(knownFiles + "/" + e.Name())
		}
	}
	if len(want) == 0 || inside.MkdirAll(knownFiles, 0o755) != nil {
		return
	}
	tree, err := os.OpenRoot(p.tree.Path)
	if err != nil {
		return
	}
	defer tree.Close()
	left := maxKnownBytes
	for name, path := range want {
		text, err := distrust.Read(tree, path, maxKnownFile)
		if left -= len(text); err != nil || left < 0 {
			continue
		}
		if !there[name] {
			_ = distrust.Write(inside, knownFiles+"/"+name, text, 0o600)
		}
	}
}

// unchanged are the files with these filters that are as the index of the host's worktree has them: paths, by the names they are known by.
// The others stay known where they were: their objects are still the index's.
func (p *Private) unchanged(ctx context.Context, names map[string]bool) (known, others map[string]string, err error) {
	filtered, err := p.repo.filtered(ctx, p.tree.Path, names)
	if err != nil || len(filtered) == 0 {
		return nil, nil, err
	}
	tree, err := os.OpenRoot(p.tree.Path)
	if err != nil {
		return nil, nil, err
	}
	defer tree.Close()
	staged, err := git(ctx, p.tree.Path, "ls-files", "-z", "--stage", "--debug")
	if err != nil {
		return nil, nil, err
	}
	known, others = map[string]string{}, map[string]string{}
	for e := range stagedFiles(staged) {
		switch {
		case filtered[e.path] == "" || !strings.HasPrefix(e.mode, "100") || e.stage != "0" || len(known)+len(others) >= maxKnown:
		case e.fresh(tree):
			known[knownName(e.path, e.id)] = e.path
		default:
			others[knownName(e.path, e.id)] = e.path
		}
	}
	return known, others, nil
}

// stagedFile is a file of an index. Git itself would run the user's filter on a file that is about as young as the index, which may be the agent's by
// now; so the file's numbers are compared here, to the nanosecond.
type stagedFile struct {
	mode, id, stage, path string
	numbers               string // what git calls debug: ctime, mtime, dev and ino, uid and gid, size and flags, a line each
}

// stagedFiles reads what `git ls-files -z --stage --debug` printed.
func stagedFiles(out string) iter.Seq[stagedFile] {
	const lines = 5
	return func(yield func(stagedFile) bool) {
		for out != "" {
			var e stagedFile
			var found bool
			if e.path, out, found = strings.Cut(out, "\x00"); !found {
				return
			}
			meta, path, _ := strings.Cut(e.path, "\t")
			f := strings.Fields(meta)
			if len(f) != 3 {
				return
			}
			e.mode, e.id, e.stage, e.path = f[0], f[1], f[2], path
			parts := strings.SplitAfterN(out, "\n", lines+1)
			out = ""
			if len(parts) > lines {
				out = parts[lines]
				parts = parts[:lines]
			}
			e.numbers = strings.Join(parts, "")
			if !yield(e) {
				return
			}
		}
	}
}

// fresh reports whether the file is as the index has it.
func (e stagedFile) fresh(tree *os.Root) bool {
	fi, err := tree.Lstat(e.path)
	if err != nil || !fi.Mode().IsRegular() {
		return false
	}
	_, ino, _ := system.FileNumbers(fi)
	is := fmt.Sprintf("mtime: %d:%d ino: %d size: %d", fi.ModTime().Unix(), fi.ModTime().Nanosecond(), uint32(ino), fi.Size())
	f := strings.Fields(e.numbers) // ctime: S:N mtime: S:N dev: N ino: N uid: N gid: N size: N flags: N
	return len(f) >= 14 && is == strings.Join(slices.Concat(f[2:4], f[6:8], f[12:14]), " ")
}

// knownName is what a file is known by; cmd/hjk-shim/filter.go reads it.
func knownName(path, id string) string {
	sum := sha256.Sum256([]byte(path))
	return fmt.Sprintf("%x-%s", sum[:16], id)
}
