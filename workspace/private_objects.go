package workspace

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

var (
	fanout   = regexp.MustCompile(`^[0-9a-f]{2}$`)
	looseObj = regexp.MustCompile(`^([0-9a-f]{38}|[0-9a-f]{62})$`)
	packFile = regexp.MustCompile(`^pack-([0-9a-f]{40}|[0-9a-f]{64})\.(pack|idx)$`)
	lfsOID   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// quarantine copies the agent's objects into the trusted repository and deletes there what the agent has no more. It
// copies plain files by the names that objects have, so that neither a link nor an alternate of the agent's is followed;
// what is in them is checked when host git fetches.
func (p *Private) quarantine(root *os.Root) error {
	dst, err := os.OpenRoot(filepath.Join(p.trusted(), "objects"))
	if err != nil {
		return err
	}
	defer dst.Close()
	have := map[string]bool{}
	for _, dir := range names(root, "objects") {
		var want *regexp.Regexp
		switch {
		case dir == "pack":
			want = packFile
		case fanout.MatchString(dir):
			want = looseObj
		default:
			continue
		}
		for _, name := range names(root, "objects/"+dir) {
			if want.MatchString(name) {
				have[dir+"/"+name] = true
			}
		}
	}
	for _, suffix := range []string{".pack", ""} { // an index counts once its pack is there
		for name := range have {
			if filepath.Ext(name) == ".pack" != (suffix == ".pack") {
				continue
			}
			if err := copyFile(root, "objects/"+name, dst, name); err != nil {
				return err
			}
		}
	}
	return forgetOthers(dst, have)
}

// names lists a folder of the agent's; one that is none is empty.
func names(root *os.Root, dir string) []string {
	d, err := root.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	all, err := d.Readdirnames(-1)
	if err != nil {
		return nil
	}
	return all
}

// copyFile copies a plain file unless dst has it. One that is gone by now, or is no plain file, is passed over.
func copyFile(src *os.Root, from string, dst *os.Root, to string) error {
	if _, err := dst.Lstat(to); err == nil {
		return nil
	}
	in, err := distrust.Open(src, from)
	if err != nil {
		return nil //nolint:nilerr // if it was needed, git says so
	}
	defer in.Close()
	if err := dst.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	tmp := to + ".tmp"
	out, err := dst.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o444)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		_ = dst.Remove(tmp)
		return err
	}
	return dst.Rename(tmp, to)
}

func forgetOthers(dst *os.Root, have map[string]bool) error {
	for _, dir := range names(dst, ".") {
		if dir != "pack" && !fanout.MatchString(dir) {
			continue
		}
		for _, name := range names(dst, dir) {
			if have[dir+"/"+name] {
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
func (p *Private) fetchLFS(root *os.Root) error {
	store := filepath.Join(p.repo.CommonDir, "lfs", "objects")
	if !isDir(filepath.Dir(store)) {
		return nil // the host does not use git-lfs here
	}
	for _, a := range names(root, "lfs/objects") {
		for _, b := range names(root, "lfs/objects/"+a) {
			for _, oid := range names(root, "lfs/objects/"+a+"/"+b) {
				if !lfsOID.MatchString(oid) || oid[:2] != a || oid[2:4] != b {
					continue
				}
				if err := copyLFS(root, filepath.Join("lfs/objects", a, b, oid), filepath.Join(store, a, b, oid)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func copyLFS(root *os.Root, from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return nil
	}
	in, err := distrust.Open(root, from)
	if err != nil {
		return nil //nolint:nilerr // no plain file
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(to), ".hjk-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, sum), in)
	if err = errors.Join(err, out.Close()); err != nil || hex.EncodeToString(sum.Sum(nil)) != filepath.Base(to) {
		return err
	}
	return os.Rename(out.Name(), to)
}
