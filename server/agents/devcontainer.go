package agents

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/server/builds"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// sourceDevcontainer is the source of a choice that a devcontainer.json is.
const sourceDevcontainer = "devcontainer"

// sourceError says what to do where it is not known which image is meant.
func sourceError(err error) error {
	var several *images.AmbiguousError
	if errors.As(err, &several) {
		return Errorf(CodeImageAmbiguous, "%w; choose one: --image %s, or image: %s in .headjack.yaml", err, several.Names[0], several.Names[0])
	}
	return wrap(err, CodeInvalidArgument)
}

// imageFix is how an image that cannot be told is mended.
func imageFix(err error) string {
	switch {
	case as[*images.DevcontainerError](err):
		return "correct the line that is named, or choose another image by --image or image: in .headjack.yaml"
	case as[*images.AmbiguousError](err):
		return "write image: with one of them into .headjack.yaml"
	}
	return "correct image: in .headjack.yaml"
}

// why says in a few words why an image is taken, to be put behind its name.
func (w wish) why(src images.Source) string {
	by := ""
	if src.Devcontainer != "" {
		by = " by " + below(src.Tree, src.Devcontainer)
	}
	switch {
	case w.image != "" && w.kept:
		return by + ", as before"
	case w.image != "": // the user knows
		return by
	case w.config.Image != "":
		return by + ", as " + w.imageSetBy() + " says"
	case src.Kind == images.KindDefault:
		return ", the default, as the worktree has no Dockerfile and no devcontainer.json for it"
	}
	return by + ", found in the worktree" + w.before(src)
}

// imageSetBy is where the setting of the image stands.
func (w wish) imageSetBy() string {
	i := slices.IndexFunc(w.values, func(v workspace.Value) bool { return v.Key == "image" })
	switch {
	case i < 0:
		return "the configuration"
	case w.values[i].Source == "editor" || w.values[i].Source == "folder":
		return "the editor's setting"
	}
	return below(w.repo.From, w.values[i].File)
}

// before names what else would have been found.
func (w wish) before(src images.Source) string {
	if src.Tree == "" {
		return ""
	}
	is := cmp.Or(src.Devcontainer, src.Dockerfile)
	var others []string
	for _, name := range images.Present(src.Tree) {
		if filepath.Join(src.Tree, name) != is {
			others = append(others, name)
		}
	}
	if src.Devcontainer != "" {
		_, named := images.Devcontainers(src.Tree)
		others = append(others, slices.DeleteFunc(named, func(name string) bool { return filepath.Join(src.Tree, name) == filepath.Dir(is) })...)
	}
	if len(others) == 0 {
		return ""
	}
	return " before " + strings.Join(others, ", ")
}

// below is a path as it is below top, where it is.
func below(top, path string) string {
	if rel, err := filepath.Rel(top, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// devcontainerFiles are the files of a checkout that decide which devcontainer.json there is. A folder of the names may come.
func devcontainerFiles(dir string) []string {
	_, named := images.Devcontainers(dir)
	files := []string{filepath.Join(dir, ".devcontainer"), filepath.Join(dir, ".devcontainer", builds.Anything)}
	for _, name := range named {
		files = append(files, filepath.Join(dir, name, "devcontainer.json"))
	}
	return files
}

// devcontainerChoices are what of a checkout can be named as an image.
func devcontainerChoices(dir string) []string {
	main, named := images.Devcontainers(dir)
	if main != "" {
		named = append([]string{main}, named...)
	}
	for i := range named {
		named[i] = "./" + named[i]
	}
	return named
}
