package images

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"

	"github.com/gilmanlab/hjk-ls/images/devcontainer"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

const (
	devcontainerDir  = ".devcontainer"
	devcontainerFile = "devcontainer.json"
	maxDevcontainers = 1000 // entries of the folder
)

// mainDevcontainers are the files that are taken where nothing is named, the first first.
var mainDevcontainers = []string{devcontainerDir + "/" + devcontainerFile, "." + devcontainerFile}

// ErrNoImage means that a devcontainer.json says no image that hjk-ls could make.
var ErrNoImage = errors.New("it names neither an image nor a Dockerfile to build")

// DevcontainerError is a devcontainer.json that is not understood, or asks for what it may not.
type DevcontainerError struct {
	File string
	Err  error
}

func (e *DevcontainerError) Error() string {
	sep := ": "
	var at *devcontainer.Error
	if errors.As(e.Err, &at) && at.Line > 0 {
		sep = ":"
	}
	return e.File + sep + e.Err.Error()
}

func (e *DevcontainerError) Unwrap() error { return e.Err }

// AmbiguousError is a worktree with several devcontainer.json files, none of which is the main one.
type AmbiguousError struct{ Names []string }

func (e *AmbiguousError) Error() string {
	return "several devcontainer.json files, and none that goes before the others: " + strings.Join(e.Names, ", ")
}

// Devcontainers are the devcontainer.json files of the worktree at root: the one that is taken where nothing is named, "" for none, and
// the folders of those that have a name. All paths are below root, as an image can be named by them.
func Devcontainers(root string) (main string, named []string) {
	for _, name := range mainDevcontainers {
		if main == "" && isFile(filepath.Join(root, name)) {
			main = name
		}
	}
	top, err := os.OpenRoot(root)
	if err != nil {
		return main, nil
	}
	defer top.Close()
	entries, _ := distrust.ReadDir(context.Background(), top, devcontainerDir, maxDevcontainers)
	for _, e := range entries {
		if e.IsDir() && isFile(filepath.Join(root, devcontainerDir, e.Name(), devcontainerFile)) {
			named = append(named, devcontainerDir+"/"+e.Name())
		}
	}
	return main, named
}

// discoverDevcontainer is the source of the main devcontainer.json, or of the only one with a name. One that says no image is passed over.
func discoverDevcontainer(root string) (Source, bool, error) {
	main, named := Devcontainers(root)
	switch {
	case main == "" && len(named) == 0:
		return Source{}, false, nil
	case main == "" && len(named) > 1:
		return Source{}, false, &AmbiguousError{named}
	case main == "":
		main = named[0] + "/" + devcontainerFile
	}
	file := filepath.Join(root, main)
	src, err := fromDevcontainer(file, root)
	if errors.Is(err, ErrNoImage) {
		return Source{Passed: file}, false, nil
	}
	return src, err == nil, err
}

// devcontainerLike reports whether a path is that of a devcontainer.json, or of a folder for one.
func devcontainerLike(path string) bool {
	base, dir := filepath.Base(path), filepath.Base(filepath.Dir(path))
	return base == devcontainerFile || base == "."+devcontainerFile || base == devcontainerDir || dir == devcontainerDir && !isFile(path) && !dockerfileLike(path)
}

// namedDevcontainer is the source of what a user names as an image.
func namedDevcontainer(image, path, root string) (Source, error) {
	if treeOf(path, root) == "" {
		return Source{}, fmt.Errorf("%w: %s lies outside of %s; a devcontainer.json is taken from there alone, for others name the image itself", ErrDockerfileNotFound, path, root)
	}
	file := path
	if isDir(path) {
		file = filepath.Join(path, devcontainerFile)
	}
	if isFile(file) {
		return fromDevcontainer(file, root)
	}
	main, named := Devcontainers(root)
	if filepath.Base(path) == devcontainerDir && main == "" && len(named) > 0 {
		if len(named) > 1 {
			return Source{}, &AmbiguousError{named}
		}
		return fromDevcontainer(filepath.Join(root, named[0], devcontainerFile), root)
	}
	if main != "" {
		named = append([]string{main}, named...)
	}
	there := "there is none in " + root
	if len(named) > 0 {
		there = "there are " + strings.Join(named, ", ")
	}
	return Source{}, fmt.Errorf("%w: no devcontainer.json goes by %s; %s", ErrDockerfileNotFound, image, there)
}

// asDevcontainer is a Dockerfile as the devcontainer.json has it built that names it, if one does: its context is most often another.
func asDevcontainer(src Source, root string) Source {
	main, named := Devcontainers(root)
	for _, name := range append([]string{main}, named...) {
		if name == "" {
			continue
		}
		file := filepath.Join(root, name)
		if filepath.Ext(file) != ".json" {
			file = filepath.Join(file, devcontainerFile)
		}
		if d, err := fromDevcontainer(file, root); err == nil && d.Dockerfile == src.Dockerfile {
			return d
		}
	}
	return src
}

// ReadDevcontainer reads the devcontainer.json at path, which lies in the worktree at root, with its variables expanded but for those of
// the container.
func ReadDevcontainer(path, root string) (*devcontainer.File, error) {
	f, err := readDevcontainer(path, root)
	if err != nil {
		return nil, &DevcontainerError{path, err}
	}
	sum := sha256.Sum256([]byte(path))
	f.Resolve(devcontainer.Variables{Folder: root, ID: hex.EncodeToString(sum[:16])})
	return f, nil
}

func readDevcontainer(path, root string) (*devcontainer.File, error) {
	top, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}
	text, err := distrust.ReadFollow(top, rel, devcontainer.MaxSize)
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err // the path is told already
	}
	if err != nil {
		return nil, fmt.Errorf("%w; make it a plain file of at most %d bytes in the worktree", err, devcontainer.MaxSize)
	}
	return devcontainer.Parse(text)
}

// fromDevcontainer is the source that a devcontainer.json says.
func fromDevcontainer(path, root string) (Source, error) {
	f, err := ReadDevcontainer(path, root)
	if err != nil {
		return Source{}, err
	}
	src, err := sourceOf(f, path, root)
	if err != nil {
		return Source{}, &DevcontainerError{path, err}
	}
	return src, nil
}

func sourceOf(f *devcontainer.File, path, root string) (Source, error) {
	b := f.Build
	switch {
	case b == nil && f.Image == "":
		return Source{}, ErrNoImage
	case b == nil:
		ref, err := reference.ParseDockerRef(f.Image)
		if err != nil {
			return Source{}, fmt.Errorf("image: %w: %q: %w", ErrInvalidReference, f.Image, err)
		}
		return Source{Kind: KindReference, Ref: ref.String(), Tree: root, Devcontainer: path}, nil
	}
	src := Source{Kind: KindDockerfile, Tree: root, Devcontainer: path, Target: b.Target}
	for _, p := range []struct {
		key, value string
		to         *string
	}{{"build.dockerfile", b.Dockerfile, &src.Dockerfile}, {"build.context", cmp.Or(b.Context, "."), &src.Context}} {
		at := p.value
		if !filepath.IsAbs(at) {
			at = filepath.Join(filepath.Dir(path), at)
		}
		if treeOf(at, root) == "" {
			return Source{}, fmt.Errorf("%s: %s leads out of %s; move it into the worktree, or name the image by --image", p.key, p.value, root)
		}
		*p.to = filepath.Clean(at)
	}
	if len(b.Args) > 0 {
		args, err := json.Marshal(b.Args)
		if err != nil {
			return Source{}, err
		}
		src.Args = string(args)
	}
	return src, nil
}

// With are options with what the devcontainer.json of a source adds. Arguments and a target of the settings go first.
func (o BuildOptions) With(src Source) (BuildOptions, error) {
	o.Target = cmp.Or(o.Target, src.Target)
	if src.Args == "" {
		return o, nil
	}
	args := map[string]string{}
	if err := json.Unmarshal([]byte(src.Args), &args); err != nil {
		return o, err
	}
	maps.Copy(args, o.Args)
	o.Args = args
	return o, nil
}
