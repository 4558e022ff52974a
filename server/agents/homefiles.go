package agents

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/go-units"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// What a new home begins with is at most so much: it is carried by one request.
const (
	maxHomeBytes = 16 << 20
	maxHomeFiles = 2000
)

// homeFiles packs files and folders of the user's home.
type homeFiles struct {
	top   string   // the home, without links
	root  *os.Root // the same
	tar   *tar.Writer
	bytes int64
	files int
}

// packHome is a tar archive of what the settings name in the user's home, nil where they name nothing.
func (m *Manager) packHome(ctx context.Context, w workspace.Config) ([]byte, error) {
	if len(w.Home) == 0 {
		return nil, nil
	}
	root, err := os.OpenRoot(m.opts.Home)
	if err != nil {
		return nil, Errorf(CodeInvalidConfig, "home: %w", err)
	}
	defer root.Close()
	var out bytes.Buffer
	h := &homeFiles{top: resolved(m.opts.Home), root: root, tar: tar.NewWriter(&out)}
	for _, name := range w.Home {
		if err := h.named(ctx, name); err != nil {
			return nil, err
		}
	}
	if err := h.tar.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// named packs one of them. It may be a link, as people have who keep such files elsewhere, but one that stays in the home.
func (h *homeFiles) named(ctx context.Context, name string) error {
	fail := func(err error) error {
		var coded *Error
		switch {
		case errors.As(err, &coded):
			return err
		case errors.Is(err, fs.ErrNotExist):
			return Errorf(CodeInvalidConfig, "home: %s is not there; make it, or take it out of home", name)
		case errors.Is(err, distrust.ErrTooMany):
			return tooMuch(name)
		}
		return Errorf(CodeInvalidConfig, "home: %s: %w; correct it, or take it out of home", name, err)
	}
	to := strings.TrimPrefix(name, "~/")
	real, err := filepath.EvalSymlinks(filepath.Join(h.top, to))
	if err != nil {
		return fail(err)
	}
	from, err := filepath.Rel(h.top, real)
	if err != nil || !filepath.IsLocal(from) || from == "." {
		return fail(errors.New("it is a link that leads out of your home"))
	}
	at, err := distrust.Locate(h.top, from)
	if err != nil {
		return fail(err)
	}
	if !at.Info.IsDir() {
		if err := h.file(from, to); err != nil {
			return fail(err)
		}
		return nil
	}
	if err := h.entry(&tar.Header{Typeflag: tar.TypeDir, Name: to, Mode: int64(at.Info.Mode().Perm())}, nil); err != nil {
		return fail(err)
	}
	err = distrust.Walk(ctx, h.root, from, maxHomeFiles, func(path string, e fs.DirEntry) error {
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		inside := filepath.Join(to, rel)
		switch {
		case e.IsDir():
			return h.folder(path, inside)
		case e.Type()&fs.ModeSymlink != 0:
			return h.link(path, from, inside)
		case e.Type().IsRegular():
			return h.file(path, inside)
		}
		return nil // sockets and their like mean nothing elsewhere
	})
	if err != nil {
		return fail(err)
	}
	return nil
}

func tooMuch(name string) error {
	return Errorf(CodeInvalidConfig, "home: with %s it is more than %s, or %d files; name what is needed of it, or mount the folder by mounts",
		name, units.BytesSize(maxHomeBytes), maxHomeFiles)
}

func (h *homeFiles) folder(path, to string) error {
	fi, err := h.root.Lstat(path)
	if err != nil || !fi.IsDir() {
		return err
	}
	return h.entry(&tar.Header{Typeflag: tar.TypeDir, Name: to, Mode: int64(fi.Mode().Perm())}, nil)
}

// link packs a link as one, when it leads to something that is packed with it.
func (h *homeFiles) link(path, top, to string) error {
	target, err := h.root.Readlink(path)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(top, filepath.Join(filepath.Dir(path), target))
	if filepath.IsAbs(target) || err != nil || !filepath.IsLocal(rel) {
		return nil //nolint:nilerr // what it leads to is not in the container
	}
	return h.entry(&tar.Header{Typeflag: tar.TypeSymlink, Name: to, Linkname: target, Mode: 0o777}, nil)
}

func (h *homeFiles) file(path, to string) error {
	f, err := distrust.Open(h.root, path)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if h.bytes+fi.Size() > maxHomeBytes {
		return tooMuch("~/" + path)
	}
	data, err := distrust.Read(h.root, path, maxHomeBytes)
	if err != nil {
		return err
	}
	return h.entry(&tar.Header{Typeflag: tar.TypeReg, Name: to, Size: int64(len(data)), Mode: int64(fi.Mode().Perm())}, data)
}

func (h *homeFiles) entry(header *tar.Header, data []byte) error {
	h.bytes += int64(len(data))
	h.files++
	if h.bytes > maxHomeBytes || h.files > maxHomeFiles {
		return tooMuch("~/" + header.Name)
	}
	if err := h.tar.WriteHeader(header); err != nil {
		return err
	}
	_, err := h.tar.Write(data)
	return err
}

// newHome is there while the home of an instance is new, and has not got the user's files: nothing ran in it yet.
func (p place) newHome() string { return filepath.Join(p.dir(), "new-home") }

// awaitsHome reports whether the home of an instance is without its user's files, so that a container that has it ran nothing.
func (p place) awaitsHome() bool {
	_, err := os.Lstat(p.newHome())
	return err == nil
}

// expectHome notes whether the container that is to be made has a new home, and packs the user's files for it. Whoever comes after a
// kill goes on from the note.
func (m *Manager) expectHome(ctx context.Context, eng *engine, p place, c workspace.Config, home string) ([]byte, error) {
	if home == "" || home == "/" {
		return nil, nil
	}
	if p.awaitsHome() {
		files, err := m.packHome(ctx, c)
		if err == nil && files == nil { // nobody wants them any more
			err = os.Remove(p.newHome())
		}
		return files, err
	}
	if has, err := eng.HasVolume(ctx, container.HomeVolume(p.name)); err != nil || has {
		return nil, err
	}
	files, err := m.packHome(ctx, c)
	if err != nil || files == nil {
		return nil, err
	}
	return files, writeState(p.newHome(), "")
}

// startHome starts a container whose home is to get files before its first session.
func (m *Manager) startHome(ctx context.Context, eng *engine, p place, spec container.Spec, id string, files []byte, first *shim.Start) (*shim.State, error) {
	if files == nil {
		return eng.Start(ctx, id, first)
	}
	if _, err := eng.Start(ctx, id, nil); err != nil {
		return nil, err
	}
	if err := eng.Filled(ctx, id, spec.User, spec.Home, files); err != nil {
		return nil, err
	}
	if err := os.Remove(p.newHome()); err != nil {
		return nil, fmt.Errorf("note that the home has its files: %w", err)
	}
	if first == nil {
		return nil, nil
	}
	st, err := eng.StartSession(ctx, id, spec.User, *first)
	if err != nil {
		return nil, err
	}
	return &st, nil
}
