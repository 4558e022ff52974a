package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// tar packs the context without what .dockerignore names, with the Dockerfile's text as it was looked at, and tells the
// Dockerfile's name in it. Close it.
func (t *tree) tar(ctx context.Context, text []byte) (io.ReadCloser, string, error) {
	name, err := filepath.Rel(t.src.Context, t.src.Dockerfile)
	if err != nil || !filepath.IsLocal(name) {
		return nil, "", fmt.Errorf("%s lies outside of its context %s", t.src.Dockerfile, t.src.Context)
	}
	name = filepath.ToSlash(name)
	excludes, err := t.excludes()
	if err != nil {
		return nil, "", err
	}
	all, err := fsutil.NewFilterFS(contextFS{root: t.context}, &fsutil.FilterOpt{
		ExcludePatterns: append(excludes, "!"+name, "!"+ignoreName), Map: ownedByRoot,
	})
	if err != nil {
		return nil, "", fmt.Errorf("build context: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.CloseWithError(fsutil.WriteTar(ctx, fsutil.WithHardlinkReset(&packed{FS: all, name: name, text: text}), w)) // the reader has the error
	}()
	return packing{r, func() { cancel(); _ = r.Close(); <-done }}, name, nil
}

// packing is a tar that is being made: the folders it is made of stay open until it is closed.
type packing struct {
	io.Reader
	end func()
}

func (p packing) Close() error {
	p.end()
	return nil
}

// packed is a context whose Dockerfile is a text, whatever has become of the file, and whose files are as long as their entries
// said: an agent's log goes on while it is packed.
type packed struct {
	fsutil.FS
	name string
	text []byte
	size int64 // of the entry that was told last, which is opened next
}

// Walk implements [fsutil.FS].
func (p *packed) Walk(ctx context.Context, target string, fn fs.WalkDirFunc) error {
	return p.FS.Walk(ctx, target, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return fn(path, e, err)
		}
		if filepath.ToSlash(path) == p.name {
			e = &fsutil.DirEntryInfo{Stat: &types.Stat{Path: path, Mode: 0o644, Size: int64(len(p.text)), ModTime: time.Now().UnixNano()}}
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		p.size = fi.Size()
		return fn(path, e, nil)
	})
}

// Open implements [fsutil.FS].
func (p *packed) Open(path string) (io.ReadCloser, error) {
	if filepath.ToSlash(path) == p.name {
		return io.NopCloser(bytes.NewReader(p.text)), nil
	}
	f, err := p.FS.Open(path)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, p.size), f}, nil
}

func ownedByRoot(_ string, st *types.Stat) fsutil.MapResult {
	st.Uid, st.Gid = 0, 0
	return fsutil.MapResultKeep
}

// excludes are the patterns of what stays out of the context.
func (t *tree) excludes() ([]string, error) {
	files, err := t.ignores()
	if err != nil || len(files) == 0 {
		return nil, err
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(files[0].text))
	if err == nil {
		_, err = patternmatcher.New(patterns)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files[0].name, err)
	}
	return patterns, nil
}
