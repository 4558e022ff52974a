package workspace

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// What of a worktree that is in the container alone is copied to look at.
const (
	maxOutsideFiles = 300_000
	maxOutsideBytes = 2 << 30
)

// Outside adds to u what is not committed in a worktree that is in the container alone. files is an archive of it, as the engine
// makes one, with its folder as the first part of each name.
func (p *Private) Outside(ctx context.Context, u *Unsaved, o Outside, files io.Reader) error {
	ctx, cancel := context.WithTimeoutCause(ctx, innerLimit, fmt.Errorf("it takes longer than %s", innerLimit))
	defer cancel()
	agent, err := p.openAgent(ctx)
	if err != nil || agent == nil {
		return err
	}
	defer agent.Close()
	refs, err := agentRefs(ctx, agent)
	if err != nil {
		return whyEnded(ctx, err)
	}
	i := inner{Private: p, agent: agent}
	if i.rules, err = p.repo.rulesOf(ctx, p.tree); err != nil {
		return whyEnded(ctx, err)
	}
	at := filepath.Join(p.innerDir(), "outside")
	if err := os.RemoveAll(at); err != nil {
		return err
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return err
	}
	if err := unpack(ctx, at, files); err != nil {
		return whyEnded(ctx, err)
	}
	return whyEnded(ctx, i.linkedFiles(ctx, u, refs, path.Join("worktrees", o.Name), o.Path+"/", at))
}

// unpack writes an archive's plain files, links and folders below a folder of ours, out of which no name leads.
func unpack(ctx context.Context, dir string, files io.Reader) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	in := tar.NewReader(&ctxReader{ctx, files})
	left := int64(maxOutsideBytes)
	for n := 0; ; n++ {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if left -= h.Size; left < 0 || n > maxOutsideFiles {
			return fmt.Errorf("it has more than %d files, or more than %d GiB", maxOutsideFiles, int64(maxOutsideBytes)>>30)
		}
		if err := unpackOne(root, h, in); err != nil {
			return err
		}
	}
}

func unpackOne(root *os.Root, h *tar.Header, in io.Reader) error {
	name := insideOf(h.Name)
	if name == "" || name == ".git" || !filepath.IsLocal(name) {
		return nil
	}
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o700)
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return root.Link(insideOf(h.Linkname), name)
	case tar.TypeReg:
		f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600|os.FileMode(h.Mode)&0o100) //nolint:gosec // only one bit of it
		if err != nil {
			return err
		}
		_, err = io.Copy(f, in)
		return errors.Join(err, f.Close())
	}
	return nil
}

// insideOf is a name below the folder that the archive is of.
func insideOf(name string) string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	return strings.TrimSuffix(rest, "/")
}
