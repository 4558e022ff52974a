package images

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

var (
	// ErrDockerfileNotFound means that a name looks like a Dockerfile's and there is none.
	ErrDockerfileNotFound = errors.New("no such Dockerfile")
	// ErrInvalidReference means that a name is no image reference.
	ErrInvalidReference = errors.New("not an image reference")
	// ErrNotFound means that the engine does not hold an image.
	ErrNotFound = errors.New("no such image")
)

// Files that make a worktree's own image, first come first served: those for development, then a devcontainer.json, and then those that
// most often are for production.
var (
	development = []string{".headjack/Dockerfile", "Dockerfile.dev"}
	production  = []string{"Dockerfile", "Containerfile"}
)

// Variants are the short names of the images that are shipped.
func Variants() []string { return slices.Clone(variants) }

// Discovered are the files that Discover looks for in a worktree, the first first.
func Discovered() []string { return slices.Concat(development, mainDevcontainers, production) }

// inFolder are the files that make a named folder's image.
var inFolder = []string{"Dockerfile", "Dockerfile.dev", "Containerfile"}

// variants are the tags of DefaultRepository that go by their bare name.
var variants = []string{"base", "systemd", "dind"}

// DefaultSource is the image of an instance for which nothing says otherwise.
func DefaultSource() Source { return Source{Kind: KindDefault, Ref: Default} }

// Discover finds the Dockerfile or the devcontainer.json of the worktree at root. Where it finds none, the source tells what it passed over.
func Discover(root string) (src Source, found bool, err error) {
	if src, found := firstFile(root, development); found {
		return src, true, nil
	}
	if src, found, err = discoverDevcontainer(root); found || err != nil {
		return src, found, err
	}
	passed := src.Passed
	src, found = firstFile(root, production)
	src.Passed = passed
	return src, found, nil
}

func firstFile(root string, names []string) (Source, bool) {
	for _, name := range names {
		if f := filepath.Join(root, name); isFile(f) {
			return fromFile(f, root), true
		}
	}
	return Source{}, false
}

// Parse reads what a user names as an image. Paths are relative to root, the top of the worktree. In this order: a file
// that exists is a devcontainer.json by that name, else a Dockerfile; a folder .devcontainer, or one in it, is one with a devcontainer.json;
// any other folder written as a path (./x, x/, /x) is one with a Dockerfile in it; base, systemd and dind are the variants; what looks
// like a Dockerfile (./x, x.Dockerfile, Dockerfile.x, Containerfile) must exist; all else is an image reference.
func Parse(image, root string) (Source, error) {
	path, err := File(image, root)
	if err != nil {
		return Source{}, err
	}
	switch {
	case devcontainerLike(path):
		return namedDevcontainer(image, path, root)
	case isFile(path):
		return asDevcontainer(fromFile(path, root), root), nil
	case pathLike(image) && isDir(path):
		return folder(image, path, root)
	}
	for _, v := range variants {
		if image == v {
			return Source{Kind: KindDefault, Ref: DefaultRepository + ":" + v}, nil
		}
	}
	if pathLike(image) || dockerfileLike(image) {
		return Source{}, fmt.Errorf("%w: %s; name a file that exists, or an image reference without a leading ./ or /", ErrDockerfileNotFound, path)
	}
	ref, err := reference.ParseDockerRef(image)
	if err != nil {
		return Source{}, fmt.Errorf("%w: %q: %w; write one such as debian:12, registry/name@sha256:…, or ./Dockerfile", ErrInvalidReference, image, err)
	}
	return Source{Kind: KindReference, Ref: ref.String()}, nil
}

// File is the path that an image names if it names a Dockerfile, which need not be there.
func File(image, root string) (string, error) {
	path := image
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		path = filepath.Join(home, rest)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(root, path)
	}
	return path, nil
}

// fromFile is the source of a file: one of the worktree sees the whole worktree, any other its own folder.
func fromFile(file, root string) Source {
	if tree := treeOf(file, root); tree != "" {
		return Source{Kind: KindDockerfile, Dockerfile: file, Context: root, Tree: tree}
	}
	return Source{Kind: KindDockerfile, Dockerfile: file, Context: filepath.Dir(file)}
}

// treeOf is root where a path lies in it.
func treeOf(path, root string) string {
	if rel, err := filepath.Rel(root, path); err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return root
}

func folder(image, path, root string) (Source, error) {
	for _, name := range inFolder {
		if f := filepath.Join(path, name); isFile(f) {
			return Source{Kind: KindDockerfile, Dockerfile: f, Context: path, Tree: treeOf(path, root)}, nil
		}
	}
	return Source{}, fmt.Errorf("%w: the folder %s holds none of %s", ErrDockerfileNotFound, image, strings.Join(inFolder, ", "))
}

// pathLike reports whether a name is written as a path.
func pathLike(s string) bool {
	return s == "." || s == ".." || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") ||
		strings.HasPrefix(s, "/") || strings.HasPrefix(s, "~/") || strings.HasSuffix(s, "/")
}

// dockerfileLike reports whether a name is one that Dockerfiles have.
func dockerfileLike(s string) bool {
	base := filepath.Base(s)
	return strings.HasPrefix(base, "Dockerfile") || strings.HasPrefix(base, "Containerfile") || strings.HasSuffix(base, ".Dockerfile")
}

// Present are those of Discovered that a worktree has.
func Present(root string) []string {
	return slices.DeleteFunc(Discovered(), func(name string) bool { return !isFile(filepath.Join(root, name)) })
}

func isFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular()
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}
