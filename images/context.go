package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/moby/buildkit/util/staticfs"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/internal/system"
)

// maxEntries bounds one folder of a context.
const maxEntries = 1 << 20

// contextFS is a build context as BuildKit and the classic builder are given it. fsutil's own walks by path, and through a
// folder that became a link meanwhile; its one of an os.Root waits for FIFOs.
type contextFS struct {
	root *os.Root
	fail func(error) // is told of what cannot be read; it may be nil
}

// Walk implements [fsutil.FS].
func (c contextFS) Walk(ctx context.Context, target string, fn fs.WalkDirFunc) error {
	held := &heldRoot{Root: fsutil.NewRoot(c.root), names: names{ctx, c.root}}
	defer held.leave()
	return fsutil.NewRootFS(held).Walk(ctx, target, func(path string, e fs.DirEntry, err error) error {
		if err == nil && path == ignoreName && special(e) {
			return nil // the engine would wait for it
		}
		return fn(path, e, err)
	})
}

func special(e fs.DirEntry) bool {
	t := e.Type().Type() // fsutil's has the permissions, too
	return t != 0 && t != fs.ModeDir && t != fs.ModeSymlink
}

// Open implements [fsutil.FS]. What fsutil cannot open it sends as an empty file, so that this is for files that are gone, for
// those of others, and for sockets, which fsutil takes for files; all else is told, and ends the build. (An error of a file that is being read would make fsutil and the engine
// wait for each other.)
func (c contextFS) Open(path string) (io.ReadCloser, error) {
	path = strings.TrimPrefix(filepath.Clean(path), string(filepath.Separator))
	f, err := distrust.Open(c.root, path)
	if err == nil {
		if err = distrust.Solid(f, path); err != nil {
			_ = f.Close()
		}
	}
	if err == nil && path == ignoreName { // the frontend in this process reads it
		var text []byte
		text, err = io.ReadAll(io.LimitReader(f, maxIgnore))
		err = errors.Join(err, f.Close(), patterns(text))
		if err == nil {
			return io.NopCloser(bytes.NewReader(text)), nil
		}
	}
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, distrust.ErrSocket):
		return nil, err
	}
	err = fmt.Errorf("build context: %s changed while it was read, or cannot be sent: %w", path, err)
	if c.fail != nil {
		c.fail(err)
	}
	return nil, err
}

// heldRoot is fsutil's root for one walk, but that nothing waits and no link is followed. It holds the folder that the walk is
// in: looking up each file from the top costs ten times as much.
type heldRoot struct {
	fsutil.Root
	names names
	dir   *os.Root
	path  string // of dir
}

func (h *heldRoot) FS() fs.FS { return h.names }

// enter gives the folder that a path lies in.
func (h *heldRoot) enter(path string) (*os.Root, error) {
	at := filepath.Dir(path)
	if h.dir != nil && h.path == at {
		return h.dir, nil
	}
	h.leave()
	dir, err := distrust.OpenDir(h.names.root, at)
	if err != nil {
		return nil, err
	}
	h.dir, h.path = dir, at
	return dir, nil
}

func (h *heldRoot) leave() {
	if h.dir != nil {
		_ = h.dir.Close()
	}
	h.dir = nil
}

func (h *heldRoot) Lstat(path string) (fs.FileInfo, error) {
	dir, err := h.enter(path)
	if err != nil {
		return nil, err
	}
	return dir.Lstat(filepath.Base(path))
}

func (h *heldRoot) Readlink(path string) (string, error) {
	dir, err := h.enter(path)
	if err != nil {
		return "", err
	}
	return dir.Readlink(filepath.Base(path))
}

// OpenFile is for the attributes of files and folders.
func (h *heldRoot) OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	dir, err := h.enter(path)
	if err != nil {
		return nil, err
	}
	return dir.OpenFile(filepath.Base(path), flag|system.NonBlock, perm)
}

// names lists the folders of a root.
type names struct {
	ctx  context.Context //nolint:containedctx // fs.ReadDirFS has no place for it
	root *os.Root
}

// Open implements [fs.FS].
func (n names) Open(name string) (fs.File, error) { return distrust.Open(n.root, name) }

// Stat implements [fs.StatFS]. It is of a link itself.
func (n names) Stat(name string) (fs.FileInfo, error) { return n.root.Lstat(name) }

// ReadDir implements [fs.ReadDirFS].
func (n names) ReadDir(name string) ([]fs.DirEntry, error) {
	return distrust.ReadDir(n.ctx, n.root, name, maxEntries)
}

// files are the Dockerfile and what it ignores, and nothing else of their folder: a frontend of another's that the Dockerfile
// names may ask for all of it.
func (t *tree) files(text []byte) (fsutil.FS, error) {
	all := staticfs.NewFS()
	add := func(name string, data []byte) {
		// An engine that knows the context asks only for files whose size or time is another.
		all.Add(name, &types.Stat{Mode: 0o644, ModTime: time.Now().UnixNano()}, data)
	}
	base := filepath.Base(t.file)
	add(base, text)
	ignores, err := t.ignores()
	if err != nil {
		return nil, err
	}
	for _, f := range ignores {
		if filepath.Base(f.name) == base+ignoreName {
			add(base+ignoreName, f.text)
		}
	}
	return all, nil
}

// unnamable says which file's name no engine can be sent, where an error is of one.
func (t *tree) unnamable(ctx context.Context, err error) error {
	found := ""
	_ = contextFS{root: t.context}.Walk(ctx, "/", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && !utf8.ValidString(path) {
			found = path
			return fs.SkipAll
		}
		return nil
	})
	if found == "" {
		return err
	}
	return fmt.Errorf("the build context has names that are not UTF-8, such as %s, and no engine takes them; rename that file, or name it in .dockerignore (with ? for such a byte)", plain.Line(found))
}
