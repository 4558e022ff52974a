package workspace

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// hooksDir is the folder of the user's hooks for a checkout.
func (r *Repo) hooksDir(ctx context.Context, dir string) string {
	out, err := git(ctx, dir, "config", "-z", "--includes", "--type=path", "--get-all", "core.hooksPath")
	if all := nul(out); err == nil && len(all) > 1 { // the last one is ours, with which no hook runs
		return absolute(dir, all[len(all)-2])
	}
	return filepath.Join(r.CommonDir, "hooks")
}

// withHooks are the settings with which git in a checkout runs its user's hooks. There are none, but a reason, where a branch that is to
// come in changes files that are hooks: what it holds an agent wrote.
func (r *Repo) withHooks(ctx context.Context, dir, branch string) (args []string, why string, err error) {
	hooks := r.hooksDir(ctx, dir)
	args = []string{"-c", "core.hooksPath=" + hooks}
	files := r.hookFiles(dir, hooks)
	if len(files) == 0 || branch == "" {
		return args, "", nil
	}
	diff := append([]string{"--literal-pathspecs", "diff", "--quiet", "--no-ext-diff", "--no-textconv", "HEAD..." + branch, "--"}, files...)
	switch _, err = git(ctx, dir, diff...); {
	case exitCode(err) == 1:
		return nil, "no hook of yours ran, as the branch changes files that are hooks: " + plain.Short(strings.Join(files, ", "), maxItem), nil
	case err != nil:
		return nil, "", err
	}
	return args, "", nil
}

// hookFiles are what of a checkout are its hooks, or the folder of them: by core.hooksPath, or by links that lead there.
func (r *Repo) hookFiles(dir, hooks string) []string {
	paths := []string{hooks}
	entries, _ := os.ReadDir(hooks) // there may be none
	for _, e := range entries {
		paths = append(paths, filepath.Join(hooks, e.Name()))
	}
	var files []string
	for i, path := range paths {
		for _, p := range []string{path, resolved(path)} {
			rel, err := filepath.Rel(dir, p)
			if err != nil || !filepath.IsLocal(rel) || local(r.CommonDir, p) || i > 0 && holds(files, rel) {
				continue
			}
			files = append(files, filepath.ToSlash(rel))
		}
	}
	return files
}

func resolved(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	return path
}

// holds reports whether a path is one of these, or below one.
func holds(all []string, path string) bool {
	return slices.ContainsFunc(all, func(dir string) bool { return local(dir, path) })
}

func local(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
