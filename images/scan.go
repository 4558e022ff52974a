package images

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/system"
)

// scan walks what the engine would ask for.
func (in *Inputs) scan(ctx context.Context, t *tree) error {
	old := in.files
	in.files, in.folders = map[string]input{}, map[string]bool{}
	for _, dir := range in.def.parents() {
		in.folders[filepath.Join(in.src.Context, t.nearest(dir))] = true
	}
	if len(in.def.paths) == 0 {
		in.roots, in.matcher = nil, nil
		return nil
	}
	in.noteRoots(t)
	filtered, err := in.filter(t)
	if errors.Is(err, errIgnorePattern) { // the engine refuses it too, and says so to who builds
		in.def.sum = hash([]byte(in.def.sum), []byte(strings.Join(in.ignore, "\n")))
		return nil
	}
	if err != nil {
		return fmt.Errorf("build context: %w", err)
	}
	return filtered.Walk(ctx, "", func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case inGit(path):
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		return in.add(t, path, e, old)
	})
}

// errIgnorePattern is a pattern of .dockerignore that cannot be understood.
var errIgnorePattern = errors.New(".dockerignore")

// filter is the context as the engine would ask for it.
func (in *Inputs) filter(t *tree) (filtered fsutil.FS, err error) {
	root := contextFS{root: t.context}
	if in.matcher, err = patternmatcher.New(in.ignore); err != nil {
		return nil, fmt.Errorf("%w: %w", errIgnorePattern, err)
	}
	if slices.Contains(in.def.paths, ".") {
		in.roots = []string{"."}
		return fsutil.NewFilterFS(root, &fsutil.FilterOpt{ExcludePatterns: in.ignore})
	}
	if in.roots, err = fsutil.FollowLinks(root, in.def.paths); err != nil {
		return nil, err
	}
	return fsutil.NewFilterFS(root, &fsutil.FilterOpt{ExcludePatterns: in.ignore, FollowPaths: in.def.paths})
}

// inGit reports whether a path is git's own: it changes with every command, and a build of each would be one too many.
func inGit(rel string) bool { return rel == ".git" || strings.HasPrefix(rel, ".git/") }

func (in *Inputs) add(t *tree, path string, e fs.DirEntry, old map[string]input) error {
	fi, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*types.Stat)
	if !ok {
		return fmt.Errorf("build context: no information on %s", path)
	}
	abs := filepath.Join(in.src.Context, path)
	in.folders[filepath.Dir(abs)] = true
	now := input{mode: st.Mode, size: st.Size, modTime: st.ModTime, link: st.Linkname}
	switch {
	case e.IsDir():
		in.folders[abs] = true
		now.size, now.modTime = 0, 0
	case fi.Mode().IsRegular():
		was, ok := old[path]
		if ok && was.settled && was.mode == now.mode && was.size == now.size && was.modTime == now.modTime {
			now = was
			break
		}
		if now, err = in.read(t, path, now); err != nil {
			return err
		}
	}
	in.files[path] = now
	return nil
}

// read sums a file's content. One that is gone meanwhile counts as empty: its folder tells of that. So does a socket, which
// comes here as a file.
func (in *Inputs) read(t *tree, rel string, now input) (input, error) {
	now.sum, now.settled = "", system.Settled(time.Unix(0, now.modTime), time.Now())
	if now.size >= largeFile {
		return now, nil
	}
	f, err := distrust.Open(t.context, rel)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, distrust.ErrSocket) {
		return now, nil
	}
	if err != nil {
		return now, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, largeFile)); err != nil {
		return now, err
	}
	now.sum = string(h.Sum(nil))
	return now, nil
}

// noteRoots watches where the named paths and the exceptions of .dockerignore are, or would come into being.
func (in *Inputs) noteRoots(t *tree) {
	paths := slices.Clone(in.def.paths)
	for _, p := range in.ignore {
		if rest, ok := strings.CutPrefix(p, "!"); ok && !in.environment {
			paths = append(paths, rest)
		}
	}
	for _, p := range paths {
		in.folders[filepath.Join(in.src.Context, t.nearest(fixedPart(p)))] = true
	}
}

// fixedPart is a pattern's path as far as it has no wildcard.
func fixedPart(pattern string) string {
	parts := strings.Split(filepath.ToSlash(pattern), "/")
	for i, p := range parts {
		if strings.ContainsAny(p, `*?[\`) {
			return filepath.Join(parts[:i]...)
		}
	}
	return filepath.Join(parts...)
}

// nearest is the deepest folder on the way to a path of the context that is there.
func (t *tree) nearest(rel string) string {
	for at := filepath.Clean(rel); filepath.IsLocal(at) && at != "."; at = filepath.Dir(at) {
		if t.isDir(at) {
			return at
		}
	}
	return "."
}

// isThere reports whether a path of the context leads to something in it.
func (t *tree) isThere(rel string) bool {
	_, err := t.context.Stat(rel)
	return err == nil
}

// isDir reports whether there is such a folder in the context.
func (t *tree) isDir(rel string) bool {
	fi, err := t.context.Stat(rel)
	return err == nil && fi.IsDir()
}
