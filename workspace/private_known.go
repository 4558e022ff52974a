package workspace

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
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
	want := map[string]string{} // path by name
	if len(names) > 0 {
		if want = p.unchanged(ctx, names); want == nil {
			return
		}
	}
	have, _ := distrust.ReadDir(ctx, inside, knownFiles, 2*maxKnown) // there may be none
	there := map[string]bool{}
	for _, e := range have {
		if there[e.Name()] = true; want[e.Name()] == "" {
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

// unchanged are the files with these filters that are as the index of the host's worktree has them: paths, by the names they are
// known by.
func (p *Private) unchanged(ctx context.Context, names map[string]bool) map[string]string {
	filtered, err := p.repo.filtered(ctx, p.tree.Path, names)
	if err != nil {
		return nil
	}
	known := map[string]string{}
	if len(filtered) == 0 {
		return known
	}
	changed, err := git(ctx, p.tree.Path, "diff-files", "--name-only", "-z")
	if err != nil {
		return nil
	}
	for _, path := range nul(changed) {
		delete(filtered, path)
	}
	staged, err := git(ctx, p.tree.Path, "ls-files", "-z", "--stage")
	if err != nil {
		return nil
	}
	for _, line := range nul(staged) {
		meta, path, _ := strings.Cut(line, "\t")
		f := strings.Fields(meta) // mode, id, stage
		if filtered[path] != "" && len(f) == 3 && strings.HasPrefix(f[0], "100") && f[2] == "0" && len(known) < maxKnown {
			known[knownName(path, f[1])] = path
		}
	}
	return known
}

// knownName is what a file is known by; cmd/hjk-shim/filter.go reads it.
func knownName(path, id string) string {
	sum := sha256.Sum256([]byte(path))
	return fmt.Sprintf("%x-%s", sum[:16], id)
}
