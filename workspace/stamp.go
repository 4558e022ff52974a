package workspace

import (
	"fmt"
	"hash"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxStamped bounds how many folders of references a stamp looks at.
const maxStamped = 2000

// stampGrain is how long two changes may share a time: file systems take it from a clock that ticks every 10 ms at worst.
const stampGrain = 20 * time.Millisecond

// Stamp changes when a reference changes, inside or on the host. Git replaces a reference's file, which changes the time of
// its folder, so that only folders are looked at.
func (p *Private) Stamp() string {
	sum, _ := p.stamp(time.Now())
	return sum
}

// stamp tells too whether every change after now will change it: one that comes right after another may bear the same time.
func (p *Private) stamp(now time.Time) (sum string, settled bool) {
	s := stamping{sum: fnv.New64a()}
	s.tree(filepath.Join(p.agent(), "refs"))
	s.tree(filepath.Join(p.repo.CommonDir, "refs"))
	for _, f := range []string{
		filepath.Join(p.agent(), "HEAD"), filepath.Join(p.agent(), "packed-refs"),
		filepath.Join(p.repo.CommonDir, "packed-refs"), filepath.Join(p.repo.CommonDir, "reftable", "tables.list"),
	} {
		s.file(f)
	}
	if p.tree.GitDir != "" {
		s.file(filepath.Join(p.tree.GitDir, "HEAD"))
	}
	return fmt.Sprintf("%x", s.sum.Sum64()), s.newest.Before(now.Add(-stampGrain))
}

// stamping is a stamp in the making.
type stamping struct {
	sum    hash.Hash64
	newest time.Time // of all that was looked at
}

func (s *stamping) file(path string) {
	fi, err := os.Lstat(path)
	if err != nil {
		return
	}
	fmt.Fprintln(s.sum, fi.Name(), fi.ModTime().UnixNano(), fi.Size())
	if fi.ModTime().After(s.newest) {
		s.newest = fi.ModTime()
	}
}

func (s *stamping) tree(dir string) {
	n := 0
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // gone by now
		}
		if !d.IsDir() {
			return nil
		}
		if strings.HasSuffix(path, "/refs/headjack") { // ours
			return filepath.SkipDir
		}
		if n++; n > maxStamped {
			return filepath.SkipAll
		}
		s.file(path)
		return nil
	})
}
