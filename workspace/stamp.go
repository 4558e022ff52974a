package workspace

import (
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxStamped bounds how many folders of references a stamp looks at.
const maxStamped = 2000

// Stamp changes when a reference changes, inside or on the host. Git replaces a reference's file, which changes the time of
// its folder, so that only folders are looked at.
func (p *Private) Stamp() string {
	sum := fnv.New64a()
	n := 0
	stampTree(sum, filepath.Join(p.agent(), "refs"), &n)
	n = 0
	stampTree(sum, filepath.Join(p.repo.CommonDir, "refs"), &n)
	for _, f := range []string{
		filepath.Join(p.agent(), "HEAD"), filepath.Join(p.agent(), "packed-refs"),
		filepath.Join(p.repo.CommonDir, "packed-refs"), filepath.Join(p.repo.CommonDir, "reftable", "tables.list"),
	} {
		stampFile(sum, f)
	}
	if p.tree.GitDir != "" {
		stampFile(sum, filepath.Join(p.tree.GitDir, "HEAD"))
	}
	return fmt.Sprintf("%x", sum.Sum64())
}

func stampFile(w io.Writer, path string) {
	if fi, err := os.Lstat(path); err == nil {
		fmt.Fprintln(w, fi.Name(), fi.ModTime().UnixNano(), fi.Size())
	}
}

func stampTree(w io.Writer, dir string, n *int) {
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
		if *n++; *n > maxStamped {
			return filepath.SkipAll
		}
		stampFile(w, path)
		return nil
	})
}
