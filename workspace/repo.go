package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/plain"
)

var (
	// ErrNotRepository means that a path lies in no git repository.
	ErrNotRepository = errors.New("not in a git repository")
	// ErrBareRepository means that a path lies in a bare repository: there is no checkout to work beside.
	ErrBareRepository = errors.New("bare repository")
)

// Repo is a git repository, whichever of its checkouts or subfolders it was opened from.
type Repo struct {
	Root      string // the main checkout; where the git directory lies elsewhere, or is bare, that directory
	CommonDir string // the git directory that all worktrees share
	From      string // top of the checkout it was opened from

	Own Owner // for folders that are deleted; may be nil
}

// Open finds the repository that path lies in. Paths are absolute with symbolic links resolved, so that a subfolder, a
// linked worktree and a symbolic link all give the same Root.
func Open(ctx context.Context, path string) (*Repo, error) {
	if fi, err := os.Stat(path); err != nil || !fi.IsDir() {
		return nil, fmt.Errorf("%s: %w: there is no such folder", path, ErrNotRepository)
	}
	if r, err := openPlain(ctx, path); r != nil || err != nil {
		return r, err
	}
	out, err := git(ctx, path, "rev-parse", "--is-bare-repository", "--is-inside-work-tree", "--git-common-dir")
	if err != nil {
		return nil, openError(path, err)
	}
	fields := strings.SplitN(strings.TrimRight(out, "\n"), "\n", 3)
	if len(fields) != 3 {
		return nil, fmt.Errorf("%s: %w: git says %q", path, ErrNotRepository, out)
	}
	if fields[1] != "true" {
		return nil, fmt.Errorf("%s: %w: open a checkout of it instead, for example: %s", path, ErrBareRepository, plain.Shell("git", "-C", path, "worktree", "add", "../checkout"))
	}
	top, err := git(ctx, path, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, openError(path, err)
	}
	return locate(path, fields[2], top)
}

// openPlain opens a repository whose paths have no line break in them, for which git is asked once. It is nil where there is more to ask.
func openPlain(ctx context.Context, path string) (*Repo, error) {
	out, err := git(ctx, path, "rev-parse", "--is-inside-work-tree", "--git-common-dir", "--show-toplevel")
	fields := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if err != nil || len(fields) != 3 || fields[0] != "true" {
		return nil, context.Cause(ctx)
	}
	return locate(path, fields[1], fields[2])
}

// locate makes a Repo of what git says of the checkout that path is in.
func locate(path, common, top string) (*Repo, error) {
	if !filepath.IsAbs(common) {
		common = filepath.Join(path, common)
	}
	common, err := filepath.EvalSymlinks(common)
	if err != nil {
		return nil, err
	}
	from, err := filepath.EvalSymlinks(strings.TrimSuffix(top, "\n"))
	if err != nil {
		return nil, err
	}
	root := common // also with --separate-git-dir and for a submodule: it is the same from every checkout
	if filepath.Base(common) == ".git" {
		root = filepath.Dir(common)
	}
	return &Repo{Root: root, CommonDir: common, From: from}, nil
}

// linkedTo is the private git directory of a linked worktree, "" for any other checkout.
func linkedTo(top string) string {
	dir, err := gitLink(top)
	if err != nil || filepath.Base(filepath.Dir(dir)) != "worktrees" {
		return ""
	}
	return dir
}

// maxGitLink bounds a .git file: it holds one path.
const maxGitLink = 8192

// gitLink is where the .git file of a checkout leads.
func gitLink(top string) (string, error) {
	root, err := os.OpenRoot(top)
	if err != nil {
		return "", err
	}
	defer root.Close()
	b, err := distrust.Read(root, ".git", maxGitLink)
	if err != nil {
		return "", err
	}
	return absolute(top, strings.TrimRight(strings.TrimPrefix(string(b), "gitdir: "), "\r\n")), nil
}

func openError(path string, err error) error {
	var ge *GitError
	if !errors.As(err, &ge) {
		return err
	}
	switch {
	case strings.Contains(ge.Stderr, "dubious ownership"):
		return fmt.Errorf("%s: %w: %s", path, ErrNotRepository, strings.TrimSpace(ge.Stderr))
	case strings.Contains(ge.Stderr, "must be run in a work tree"):
		return fmt.Errorf("%s: %w: open a checkout of it instead", path, ErrBareRepository)
	case strings.Contains(ge.Stderr, "not a git repository"):
		return fmt.Errorf("%s: %w: make one with git init, or name a folder of one", path, ErrNotRepository)
	}
	return fmt.Errorf("%s: %w: %w", path, ErrNotRepository, err)
}
