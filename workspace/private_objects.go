package workspace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

var (
	fanout   = regexp.MustCompile(`^[0-9a-f]{2}$`)
	looseObj = regexp.MustCompile(`^([0-9a-f]{38}|[0-9a-f]{62})$`)
	packFile = regexp.MustCompile(`^pack-([0-9a-f]{40}|[0-9a-f]{64})\.(pack|idx)$`)
	lfsOID   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// What an agent's objects may be at most. What is beyond it stays inside, and the instance is held.
const (
	maxObjectFiles = 200_000 // loose ones and packs: git inside packs them long before
	maxObjectBytes = 16 << 30
	maxObjectFile  = 1 << 40 // what a file may claim to be, holes included
	maxLFSFiles    = 100_000
)

// quarantine copies the agent's objects into the trusted repository and deletes there what the agent has no more. It
// copies plain files by the names that objects have, so that neither a link nor an alternate of the agent's is followed;
// what is in them is checked when host git fetches. What one call does not get to, the next one goes on with.
func (p *Private) quarantine(ctx context.Context, root *os.Root) error {
	_, err := p.copyObjects(ctx, root, maxObjectBytes, errObjectBytes)
	return err
}

// copyObjects is quarantine of at most so many bytes. It tells how many there are.
func (p *Private) copyObjects(ctx context.Context, root *os.Root, most int64, limit error) (n int64, err error) {
	dst, err := p.quarantined(ctx)
	if err != nil {
		return 0, err
	}
	defer dst.Close()
	have, err := objectFiles(ctx, root)
	if err != nil {
		return 0, err
	}
	if err := forgetOthers(dst, have); err != nil {
		return 0, err
	}
	c := copying{src: root, dst: dst, left: most, limit: limit}
	for _, suffix := range []string{".pack", ""} { // an index counts once its pack is there
		for _, name := range slices.Sorted(maps.Keys(have)) {
			if filepath.Ext(name) == ".pack" != (suffix == ".pack") {
				continue
			}
			if err := c.file(ctx, "objects/"+name, name); err != nil {
				return most - c.left, err
			}
		}
	}
	return most - c.left, nil
}

// quarantined opens the trusted repository's objects, which borrow the repository's from where it is now: it may have been
// moved, and who made the directory can have been killed before it got here.
func (p *Private) quarantined(ctx context.Context) (*os.Root, error) {
	dst, err := os.OpenRoot(filepath.Join(p.trusted(), "objects"))
	if err == nil {
		if b, err := distrust.Read(dst, "info/alternates", 1<<20); err == nil && string(b) == p.lenders() {
			return dst, nil
		}
		_ = dst.Close()
	}
	if err := p.trust(ctx); err != nil {
		return nil, err
	}
	return os.OpenRoot(filepath.Join(p.trusted(), "objects"))
}

// objectFiles are the files inside whose names are those of objects and packs, below objects.
func objectFiles(ctx context.Context, root *os.Root) (map[string]bool, error) {
	have := map[string]bool{}
	dirs, err := names(ctx, root, "objects", maxObjectFiles)
	for _, dir := range dirs {
		var want *regexp.Regexp
		switch {
		case dir == "pack":
			want = packFile
		case fanout.MatchString(dir):
			want = looseObj
		default:
			continue
		}
		var files []string
		if files, err = names(ctx, root, "objects/"+dir, maxObjectFiles-len(have)); err != nil {
			break
		}
		for _, name := range files {
			if want.MatchString(name) {
				have[dir+"/"+name] = true
			}
		}
	}
	if errors.Is(err, errTooMany) {
		err = limitError(fmt.Sprintf("the agent has more than %d files of objects; git gc in the container packs them", maxObjectFiles))
	}
	return have, err
}

func forgetOthers(dst *os.Root, have map[string]bool) error {
	for _, dir := range ownNames(dst, ".") {
		if dir != "pack" && !fanout.MatchString(dir) {
			continue
		}
		for _, name := range ownNames(dst, dir) {
			if have[dir+"/"+strings.TrimSuffix(name, partSuffix)] {
				continue
			}
			if err := dst.Remove(dir + "/" + name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// fetchLFS copies what the agent added to git-lfs, each file only when it is what its name says.
func (p *Private) fetchLFS(ctx context.Context, root *os.Root) error {
	store := filepath.Join(p.repo.CommonDir, "lfs", "objects")
	if !isDir(filepath.Dir(store)) {
		return nil // the host does not use git-lfs here
	}
	left := int64(maxObjectBytes)
	n := maxLFSFiles
	return eachName(ctx, root, "lfs/objects", &n, func(a string) error {
		return eachName(ctx, root, "lfs/objects/"+a, &n, func(b string) error {
			return eachName(ctx, root, "lfs/objects/"+a+"/"+b, &n, func(oid string) error {
				if !lfsOID.MatchString(oid) || oid[:2] != a || oid[2:4] != b {
					return nil
				}
				return copyLFS(ctx, root, path.Join("lfs/objects", a, b, oid), filepath.Join(store, a, b, oid), &left)
			})
		})
	})
}

// eachName calls back with each name in a folder of the agent's, of all folders together at most *left.
func eachName(ctx context.Context, root *os.Root, dir string, left *int, f func(string) error) error {
	all, err := names(ctx, root, dir, *left)
	if errors.Is(err, errTooMany) {
		err = limitError(fmt.Sprintf("the agent has more than %d files of git-lfs", maxLFSFiles))
	}
	*left -= len(all)
	for _, name := range all {
		if err := f(name); err != nil {
			return err
		}
	}
	return err
}

// copyLFS copies one file, whose size comes from what *left allows. Holes stay holes.
func copyLFS(ctx context.Context, root *os.Root, from, to string, left *int64) error {
	if _, err := os.Lstat(to); err == nil {
		return nil
	}
	in, err := distrust.Open(root, from)
	if err != nil {
		return nil //nolint:nilerr // no plain file
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return err
	}
	if *left -= fi.Size(); *left < 0 {
		return errLFSBytes
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(to), ".hjk-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	if err := fillData(ctx, out, in, 0, fi.Size(), func(int64) error { return nil }); err != nil {
		return errors.Join(err, out.Close())
	}
	sum := sha256.New()
	_, err = out.Seek(0, io.SeekStart)
	if err == nil {
		_, err = io.Copy(sum, &ctxReader{ctx, out})
	}
	if err = errors.Join(err, out.Close()); err != nil || hex.EncodeToString(sum.Sum(nil)) != filepath.Base(to) {
		return err
	}
	return os.Rename(out.Name(), to)
}
