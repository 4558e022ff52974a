package agents

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/images/starter"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// InitArgs is the argument object of hjk-ls.init.
type InitArgs struct {
	Workspace string `json:"workspace,omitempty"`
	DryRun    bool   `json:"dryRun,omitempty"` // write nothing
}

// InitResult is the result of hjk-ls.init.
type InitResult struct {
	Dockerfile string      `json:"dockerfile"` // path
	Base       string      `json:"base"`       // the image that it extends
	Text       string      `json:"text"`
	Found      []InitFound `json:"found"`
	Before     []string    `json:"before"` // other sources of the checkout, before which it goes from now on
	DryRun     bool        `json:"dryRun"`
}

// InitFound is a file of the repository, and what the Dockerfile does for it.
type InitFound struct {
	File string `json:"file"`
	Does string `json:"does"`
}

// firstDockerfile is what Init writes.
const firstDockerfile = ".headjack/Dockerfile"

// maxSeed bounds a file that says what a repository needs; of a larger one it counts that it is there.
const maxSeed = 1 << 20

// Init writes a first Dockerfile into the checkout that is open. It leaves alone what is there.
func (m *Manager) Init(ctx context.Context, a InitArgs) (InitResult, error) {
	r, err := m.repo(ctx, a.Workspace, "")
	if err != nil {
		return InitResult{}, err
	}
	root, err := os.OpenRoot(r.From)
	if err != nil {
		return InitResult{}, wrap(err, CodeWorktreeFailed)
	}
	defer root.Close()
	file := filepath.Join(r.From, firstDockerfile)
	if _, err := root.Lstat(firstDockerfile); err == nil && !a.DryRun {
		return InitResult{}, dockerfileExists(file)
	}
	res := InitResult{Dockerfile: file, Base: images.Default, Found: []InitFound{}, Before: beside(r.From), DryRun: a.DryRun}
	text, found := starter.Dockerfile(images.Default, seeds(root))
	res.Text = text
	for _, f := range found {
		res.Found = append(res.Found, InitFound(f))
	}
	if a.DryRun {
		return res, nil
	}
	return res, writeFirst(root, file, text)
}

// beside are the other sources that a checkout has.
func beside(dir string) []string {
	_, named := images.Devcontainers(dir)
	all := append([]string{}, images.Present(dir)...)
	return slices.DeleteFunc(append(all, named...), func(name string) bool { return name == firstDockerfile })
}

// seeds reads files in the top of a checkout, which an agent may have written.
func seeds(root *os.Root) starter.Read {
	return func(name string) (string, bool) {
		text, err := distrust.ReadFollow(root, name, maxSeed)
		if err == nil {
			return string(text), true
		}
		fi, err := root.Stat(name)
		return "", err == nil && fi.Mode().IsRegular()
	}
}

// writeFirst writes the Dockerfile, or leaves nothing.
func writeFirst(root *os.Root, file, text string) error {
	dir := filepath.Dir(firstDockerfile)
	made := root.Mkdir(dir, 0o755)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return Errorf(CodeWorktreeFailed, "make the folder for %s: %w", file, made)
	}
	err := distrust.New(root, firstDockerfile, []byte(text), 0o644)
	if err != nil && made == nil {
		_ = root.Remove(dir)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return dockerfileExists(file)
	case err != nil:
		return Errorf(CodeWorktreeFailed, "write %s: %w; make its folder a plain one that you can write to", file, err)
	}
	return nil
}

func dockerfileExists(file string) error {
	return Errorf(CodeDockerfileExists, "%s is there already and stays as it is; edit it, or see what a first one would be: %s", file, hjk("init", "--dry-run"))
}
