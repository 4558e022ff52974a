package workspace

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// Notice is something that git on the host does and git in a container does not: what it is about, what to know, and what to do.
type Notice struct{ Name, Text, Fix string }

// Notices are those of a checkout. What cannot be found out is not told.
func (r *Repo) Notices(ctx context.Context, dir string) []Notice {
	var all []Notice
	for _, find := range []func(context.Context, string) []Notice{r.filterNotices, r.signNotices, r.hookNotices, r.partialNotices} {
		all = append(all, find(ctx, dir)...)
	}
	return all
}

func (r *Repo) filterNotices(ctx context.Context, dir string) (all []Notice) {
	names, err := r.filters(ctx, dir)
	if err != nil {
		return nil
	}
	found, err := r.filtered(ctx, dir, names)
	if err != nil {
		return nil
	}
	by := map[string][]string{}
	for path, name := range found {
		by[name] = append(by[name], path)
	}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		slices.Sort(by[name])
		files := plain.Short(by[name][0], maxItem)
		if n := len(by[name]) - 1; n > 0 {
			files += fmt.Sprintf(" and %d more", n)
		}
		all = append(all, Notice{
			Name: "git filters",
			Text: fmt.Sprintf("your git's filter %q does not run in the container: what it is for (%s) cannot be committed there", name, files),
			Fix:  fmt.Sprintf("commit such files here, with git in %s (docs/git.md)", plain.Shell(dir)),
		})
	}
	return all
}

func (r *Repo) signNotices(ctx context.Context, dir string) []Notice {
	for _, key := range []string{"commit.gpgSign", "tag.gpgSign"} {
		if out, err := git(ctx, dir, "config", "--includes", "--type=bool", "--get", key); err == nil && strings.TrimSpace(out) == "true" {
			return []Notice{{
				Name: "signatures", Text: "what is committed in the container is not signed, though " + key + " is set here: your keys are not there",
				Fix: "sign it here, from the commit it began with: " + plain.Shell("git", "-C", dir, "rebase", "--force-rebase", "--gpg-sign", "COMMIT"),
			}}
		}
	}
	return nil
}

// commitHooks are the hooks that change a commit or refuse it.
var commitHooks = []string{"pre-commit", "prepare-commit-msg", "commit-msg", "pre-merge-commit", "applypatch-msg", "pre-applypatch"}

func (r *Repo) hookNotices(ctx context.Context, dir string) []Notice {
	hooks := r.hooksDir(ctx, dir)
	var found []string
	for _, name := range commitHooks {
		if fi, err := os.Lstat(filepath.Join(hooks, name)); err == nil && (fi.Mode()&0o111 != 0) && !fi.IsDir() {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return []Notice{{
		Name: "hooks", Text: "your git's hooks do not run in the container: " + strings.Join(found, ", "),
		Fix: "look at what was committed there before you push it, or let git run hooks of its own there: core.hooksPath",
	}}
}

func (r *Repo) partialNotices(ctx context.Context, dir string) []Notice {
	remotes, err := r.Partial(ctx, dir)
	if err != nil || len(remotes) == 0 {
		return nil
	}
	var unset []string
	for _, name := range remotes {
		unset = append(unset, plain.Shell("git", "-C", dir, "config", "--unset", "remote."+name+".partialclonefilter"),
			plain.Shell("git", "-C", dir, "fetch", "--refetch", name))
	}
	return []Notice{{
		Name: "partial clone",
		Text: "this is a partial clone: git in the container has what is checked out here, and cannot fetch what is missing of older commits",
		Fix:  "to have all of it there: " + strings.Join(unset, " && "),
	}}
}
