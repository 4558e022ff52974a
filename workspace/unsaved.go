package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// ErrDirty means that a worktree holds work that is nowhere else.
var ErrDirty = errors.New("worktree has unsaved work")

// Unsaved is what would be gone with a worktree.
type Unsaved struct {
	Modified  []string // changed, staged or conflicting, by path
	Untracked []string // neither tracked nor ignored
	Ignored   []string // ignored; told, but no reason to refuse
	Commits   []string // "abbrev subject" of commits on no branch, remote or tag
	Branch    []string // those that are on the branch itself and no other: it stays unless it is deleted, too
}

// WithBranch is what would be gone with the branch, too.
func (u Unsaved) WithBranch() Unsaved {
	u.Commits, u.Branch = append(slices.Clone(u.Branch), u.Commits...), nil
	return u
}

// Lost reports whether work would be lost while the branch stays.
func (u Unsaved) Lost() bool { return len(u.Modified)+len(u.Untracked)+len(u.Commits) > 0 }

// maxItem bounds a path or a subject as it is told.
const maxItem = 300

// String lists everything for a person, a few lines a kind.
func (u Unsaved) String() string {
	var b strings.Builder
	section := func(title string, items []string) {
		const most = 10
		if len(items) == 0 {
			return
		}
		fmt.Fprintf(&b, "  %s:\n", title)
		for i, item := range items {
			if i == most {
				fmt.Fprintf(&b, "    … and %d more\n", len(items)-most)
				break
			}
			fmt.Fprintf(&b, "    %s\n", plain.Short(item, maxItem))
		}
	}
	section("changed", u.Modified)
	section("untracked", u.Untracked)
	section("commits on no other branch or remote", u.Commits)
	section("ignored files that would go too", u.Ignored)
	return strings.TrimSuffix(b.String(), "\n")
}

// logFormat gives of a subject what is told: an agent can write one of any length.
const logFormat = "--format=%h %<(250,trunc)%s"

// statusArgs ask what is not committed. Git is not let into submodules: it would believe the configuration it finds
// there, and an agent can have put one.
var statusArgs = []string{"status", "--porcelain", "-z", "--ignored=matching", "--untracked-files=all", "--ignore-submodules=dirty"}

// Unsaved tells what would be lost with wt, its branch, and what the agent of instance, unless that is "", made beside it.
func (r *Repo) Unsaved(ctx context.Context, wt Worktree, instance string) (Unsaved, error) {
	var u Unsaved
	if _, err := os.Stat(wt.Path); err == nil {
		rules, err := r.rulesOf(ctx, wt)
		if err != nil {
			return u, err
		}
		if err := u.files(ctx, r, "", checkout{dir: wt.Path, rules: rules}); err != nil {
			return u, err
		}
		if err := u.submodules(ctx, r, wt.GitDir, "", checkout{dir: wt.Path}); err != nil {
			return u, err
		}
	}
	if wt.Branch == "" {
		return u, nil
	}
	branch := "refs/heads/" + wt.Branch
	if out, err := r.log(ctx, branch, "--not", "--exclude="+wt.Branch, "--branches", "--remotes", "--tags"); err == nil {
		u.Branch = appendCommits(u.Branch, "", out)
	} else if ok, gone := r.HasBranch(ctx, wt.Branch); ok || gone != nil {
		return u, err
	}
	var tips []string
	if strings.Trim(wt.Head, "0") != "" {
		tips = append(tips, wt.Head) // where a rebase has got to
	}
	if instance != "" {
		tips = append(tips, "--glob="+Namespace(instance))
	}
	if len(tips) == 0 {
		return u, nil
	}
	out, err := r.log(ctx, append(tips, "--not", "--branches", "--remotes", "--tags")...)
	if err != nil {
		return u, err
	}
	u.addCommits("", out)
	if instance != "" {
		err = u.others(ctx, r, instance)
	}
	return u, err
}

// others adds the agent's references that are of no commit, such as tags of files.
func (u *Unsaved) others(ctx context.Context, r *Repo, instance string) error {
	out, err := git(ctx, r.CommonDir, "for-each-ref", "--format=%(objecttype) %(*objecttype) %(refname)", Namespace(instance))
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if kind := f[len(f)-2]; kind == "blob" || kind == "tree" {
			u.Commits = append(u.Commits, f[len(f)-1]+" (a "+kind+")")
		}
	}
	return err
}

// UnsavedInside tells what would be lost with the git directory that the container of instance has: commits that are on no
// branch, remote or tag.
func (r *Repo) UnsavedInside(ctx context.Context, instance string) (Unsaved, error) {
	var u Unsaved
	out, err := r.log(ctx, "--glob="+Namespace(instance), "--not", "--branches", "--remotes", "--tags")
	if err != nil {
		return u, err
	}
	u.addCommits("", out)
	return u, u.others(ctx, r, instance)
}

// mostCommits bounds how many commits are named.
const mostCommits = 50

// log names commits.
func (r *Repo) log(ctx context.Context, of ...string) (string, error) {
	return git(ctx, r.CommonDir, append([]string{"log", "--no-show-signature", logFormat, fmt.Sprintf("--max-count=%d", mostCommits)}, of...)...)
}

func (u *Unsaved) addCommits(prefix, log string) { u.Commits = appendCommits(u.Commits, prefix, log) }

func appendCommits(to []string, prefix, log string) []string {
	for line := range strings.Lines(log) {
		to = append(to, prefix+strings.TrimRight(line, " \n"))
	}
	return to
}

// submodules adds what would be lost with the submodules of a checkout, whose git directory is gitDir. prefix is its path below
// the worktree.
func (u *Unsaved) submodules(ctx context.Context, r *Repo, gitDir, prefix string, top checkout) error {
	out, err := git(ctx, top.dir, append(slices.Clone(top.flags), "ls-files", "--stage", "-z")...)
	if err != nil {
		return err
	}
	for _, entry := range nul(out) {
		meta, name, _ := strings.Cut(entry, "\t")
		if !strings.HasPrefix(meta, "160000 ") {
			continue
		}
		at := checkout{dir: filepath.Join(top.dir, name), rules: strings.Fields(meta)[1]}
		switch empty, err := emptyFolder(ctx, top.dir, name); {
		case err != nil: // such as a link out of the worktree, or something below one
			u.Untracked = append(u.Untracked, prefix+name)
		case !empty:
			if err := u.submodule(ctx, r, gitDir, prefix+name+"/", at); err != nil {
				return err
			}
		}
	}
	return nil
}

// submodule looks into one submodule, by the git directory that the superproject has for it and no other.
func (u *Unsaved) submodule(ctx context.Context, r *Repo, super, prefix string, at checkout) error {
	path := at.dir
	if _, err := os.Lstat(filepath.Join(path, ".git")); err != nil { // not checked out, and yet not empty
		u.Untracked = append(u.Untracked, prefix)
		return nil
	}
	dir, err := gitLink(path)
	if err == nil {
		dir, err = below(filepath.Join(super, "modules"), dir)
	}
	if err != nil {
		u.Untracked = append(u.Untracked, prefix+" (a repository of its own)")
		return nil
	}
	at.flags = []string{"--git-dir=" + dir, "--work-tree=" + path}
	if _, err := git(ctx, path, append(slices.Clone(at.flags), "cat-file", "-e", at.rules)...); err != nil {
		at.rules = "" // the submodule has not fetched it
	}
	if err := u.files(ctx, r, prefix, at); err != nil {
		return err
	}
	out, err := git(ctx, path, append(slices.Clone(at.flags), "log", "--no-show-signature", logFormat, "--max-count=50", "HEAD", "--branches", "--not", "--remotes")...)
	if err != nil {
		return err
	}
	u.addCommits(prefix+": ", out)
	return u.submodules(ctx, r, dir, prefix, at)
}

// emptyFolder reports whether a folder of the checkout at top holds nothing, or is not there. It is an error when it is no folder,
// or lies behind a link.
func emptyFolder(ctx context.Context, top, name string) (bool, error) {
	root, err := os.OpenRoot(top)
	if err != nil {
		return false, err
	}
	defer root.Close()
	entries, err := distrust.ReadDir(ctx, root, name, 1)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, distrust.ErrTooMany) {
		err = nil
	}
	return len(entries) == 0, err
}

// below is path with its symbolic links followed, which must lead below dir. Who opens the result does not go through those
// links again: an agent may have changed them meanwhile.
func below(dir, path string) (string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(dir, path)
	if err == nil && (!filepath.IsLocal(rel) || rel == ".") {
		err = fmt.Errorf("%s leads out of %s", path, dir)
	}
	return path, err
}

// within reports whether path, with its symbolic links followed, lies below dir.
func within(dir, path string) bool {
	_, err := below(dir, path)
	return err == nil
}

func (u *Unsaved) parseStatus(prefix string, fields []string) {
	for i := 0; i < len(fields); i++ {
		if len(fields[i]) < 4 {
			continue
		}
		code, path := fields[i][:2], prefix+fields[i][3:]
		switch {
		case code == "??":
			u.Untracked = append(u.Untracked, path)
		case code == "!!":
			u.Ignored = append(u.Ignored, path)
		default:
			u.Modified = append(u.Modified, path)
		}
		if code[0] == 'R' || code[0] == 'C' {
			i++ // the path it came from
		}
	}
}

// Remove deletes a worktree that hjk-ls made; its branch stays. It refuses with ErrDirty when work would be lost,
// unless force. One that is gone already is no error.
func (r *Repo) Remove(ctx context.Context, wt Worktree, force bool) error {
	if !wt.Owned {
		return fmt.Errorf("worktree %s was not made by hjk-ls and stays", wt.Path)
	}
	ctx, unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if !force {
		u, err := r.Unsaved(ctx, wt, "")
		if err != nil {
			return err
		}
		if u.Commits = nil; u.Lost() { // the branch stays
			return fmt.Errorf("%w: %s\n%s", ErrDirty, wt.Path, u)
		}
	}
	return r.drop(ctx, wt)
}

// Fate is what became of a branch, or would.
type Fate struct {
	Deleted bool
	Why     string // it stays, or could not be deleted
	Kept    string // the reference of the trash that it is at by now, where it had commits of its own
}

// mayDelete tells why a branch is not ours to delete, "" when it is.
func (r *Repo) mayDelete(ctx context.Context, wt Worktree) (string, error) {
	if !wt.MadeBranch || wt.Branch == "" {
		return "hjk-ls did not make it", nil
	}
	all, err := r.Worktrees(ctx)
	for _, other := range all {
		if other.Current == wt.Branch && other.Path != wt.Path && !other.Prunable {
			return "it is checked out in " + other.Path, err
		}
	}
	return "", err
}

// BranchFate tells why DeleteBranch would not delete a branch, whatever commits it has.
func (r *Repo) BranchFate(ctx context.Context, wt Worktree) (Fate, error) {
	why, err := r.mayDelete(ctx, wt)
	return Fate{Why: why}, err
}

// DeleteBranch deletes the branch of a removed worktree when hjk-ls made it and every commit on it is also elsewhere. One that has
// commits of its own is deleted by force, and its last commit kept in the trash of instance.
func (r *Repo) DeleteBranch(ctx context.Context, wt Worktree, instance string, force bool) (Fate, error) {
	ctx, unlock, err := r.lock(ctx) // two git config beside each other fail
	if err != nil {
		return Fate{}, err
	}
	defer unlock()
	why, err := r.mayDelete(ctx, wt)
	if err != nil || why != "" {
		return Fate{Why: why}, err
	}
	u, err := r.Unsaved(ctx, Worktree{Path: "", Branch: wt.Branch}, "")
	if err != nil {
		return Fate{}, err
	}
	f := Fate{Deleted: true}
	switch own := len(u.Branch); {
	case own > 0 && !force:
		return Fate{Why: "it has commits that are on no other branch, remote or tag"}, nil
	case own > 0:
		f.Kept = trashFolder(time.Now(), instance) + "branch/" + wt.Branch
		if _, err := git(ctx, r.CommonDir, "update-ref", f.Kept, "refs/heads/"+wt.Branch); err != nil {
			return Fate{}, fmt.Errorf("keep branch %s: %w", wt.Branch, err)
		}
	}
	return f, r.deleteUnmoved(ctx, wt.Branch, "")
}
