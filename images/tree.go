package images

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

const (
	maxDockerfile = 4 << 20 // bytes; an engine takes no more than 16 MiB of instructions
	maxIgnore     = 1 << 20
	maxPatterns   = 10_000 // of those; each may become a regular expression of a few kilobytes
)

// ignoreName is the file of a context that names what stays out of it.
const ignoreName = ".dockerignore"

// tree is what a build reads, held open while it is read: whatever is replaced meanwhile, by a link or otherwise, does not
// lead out of it. Names are resolved first and opened then with no link on the way.
type tree struct {
	src     Source
	root    *os.Root // the Dockerfile lies in it
	context *os.Root
	file    string // the Dockerfile below root, behind its links
	dir     string // where it lies
	fail    func(error)
}

// openTree opens the folders of a source. A Dockerfile that is not there is ErrDockerfileNotFound.
func openTree(src Source) (*tree, error) {
	real, err := filepath.EvalSymlinks(src.Dockerfile)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDockerfileNotFound, src.Dockerfile, err)
	}
	t := &tree{src: src, dir: filepath.Dir(real)}
	if src.Tree == "" {
		err = t.openOwn(real)
	} else {
		err = t.openShared(real)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// openOwn opens what lies outside of a worktree: it is the user's, and its links lead where they like.
func (t *tree) openOwn(real string) (err error) {
	if t.root, err = os.OpenRoot(t.dir); err != nil {
		return err
	}
	t.file = filepath.Base(real)
	if t.context, err = os.OpenRoot(t.src.Context); err != nil {
		return fmt.Errorf("build context: %w", err)
	}
	return nil
}

// openShared opens what lies in a worktree.
func (t *tree) openShared(real string) (err error) {
	if t.root, err = os.OpenRoot(t.src.Tree); err != nil {
		return fmt.Errorf("build context: %w", err)
	}
	if t.file, err = inTree(t.src.Tree, t.src.Dockerfile, real); err != nil {
		return err
	}
	dir, err := filepath.EvalSymlinks(t.src.Context)
	if err != nil {
		return fmt.Errorf("build context: %w", err)
	}
	rel, err := inTree(t.src.Tree, t.src.Context, dir)
	if err != nil {
		return err
	}
	if t.context, err = distrust.OpenDir(t.root, rel); err != nil {
		return fmt.Errorf("build context: %w", err)
	}
	return nil
}

// inTree is the path below top of what name leads to.
func inTree(top, name, real string) (string, error) {
	top, err := filepath.EvalSymlinks(top)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(top, real)
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%s is a link that leads out of %s, to %s: an agent may have set it; put a copy in its place, or name the file itself as the image", name, top, real)
	}
	return rel, nil
}

func (t *tree) close() {
	if t.root != nil {
		_ = t.root.Close()
	}
	if t.context != nil {
		_ = t.context.Close()
	}
}

// dockerfile is its text.
func (t *tree) dockerfile() ([]byte, error) {
	text, err := distrust.Read(t.root, t.file, maxDockerfile)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDockerfileNotFound, t.src.Dockerfile, err)
	}
	return text, nil
}

// ignoreFile is one that names what stays out of the context.
type ignoreFile struct {
	name string // absolute
	text []byte
}

// ignores are NAME.dockerignore beside the Dockerfile and .dockerignore of the context, as far as they are there. The first
// counts.
func (t *tree) ignores() (all []ignoreFile, err error) {
	for _, f := range []struct {
		root *os.Root
		path string
		name string
	}{
		{t.root, t.file + ignoreName, filepath.Join(t.dir, filepath.Base(t.file)+ignoreName)},
		{t.context, ignoreName, filepath.Join(t.src.Context, ignoreName)},
	} {
		text, err := distrust.ReadFollow(f.root, f.path, maxIgnore)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = patterns(text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w; make it a plain file of fewer lines, or delete it", f.name, err)
		}
		all = append(all, ignoreFile{f.name, text})
	}
	return all, nil
}

// patterns refuses a file of more patterns than can be held and compared with each name.
func patterns(text []byte) error {
	if n := bytes.Count(text, []byte("\n")); n > maxPatterns {
		return fmt.Errorf("it has %d lines of at most %d", n, maxPatterns)
	}
	return nil
}

// Text is the Dockerfile of a source.
func Text(src Source) ([]byte, error) {
	t, err := openTree(src)
	if err != nil {
		return nil, err
	}
	defer t.close()
	return t.dockerfile()
}
