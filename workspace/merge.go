package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// How a branch comes into another.
type How int

// The ways.
const (
	AsMerge How = iota
	AsSquash
	AsRebase
)

// MergeOptions say how a branch comes into the one that is checked out where the repository was opened from.
type MergeOptions struct {
	Branch   string
	How      How
	Message  string // of a merge or a squash; "" makes one
	Hooks    bool   // the user's hooks run
	Terminal bool   // what git starts may ask at the user's terminal
}

// Merged is what became of a merge.
type Merged struct {
	Into    string
	Commit  string // of Into by now
	Commits int    // of the branch that came in; 0 is that all were there already
	NoHooks string // why hooks did not run
}

var (
	// ErrMergeRefused means that git began nothing.
	ErrMergeRefused = errors.New("git did not merge")
	// ErrMergeStopped means that git was stopped in the middle, as by a hook.
	ErrMergeStopped = errors.New("git stopped in the middle")
)

// ConflictError is a merge that has conflicts, which are left as git leaves them.
type ConflictError struct {
	Branch, Into string
	Files        []string
	More         int
	Go, Back     string // commands that go on, and back
}

func (e *ConflictError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "merging %q into %q has conflicts in %d files:\n", e.Branch, e.Into, len(e.Files)+e.More)
	for _, f := range e.Files {
		fmt.Fprintf(&b, "  %s\n", plain.Short(f, maxItem))
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "  … and %d more\n", e.More)
	}
	fmt.Fprintf(&b, "mend them and git add them, then go on: %s; or go back: %s", e.Go, e.Back)
	return b.String()
}

// Merge takes the commits of a branch into the branch that is checked out where the repository was opened from. Conflicts are left as
// git leaves them. A branch comes in as AsRebase by its commits being made again on top of that one; it itself stays where it is,
// as its agent may go on with it.
func (r *Repo) Merge(ctx context.Context, o MergeOptions) (Merged, error) {
	m := merge{repo: r, o: o, ref: "refs/heads/" + o.Branch, Merged: Merged{Into: r.Current(ctx)}}
	dir, err := git(ctx, r.From, "rev-parse", "--absolute-git-dir")
	if err != nil {
		return m.Merged, err
	}
	m.gitDir = strings.TrimSuffix(dir, "\n")
	if err := m.able(ctx); err != nil {
		return m.Merged, err
	}
	if m.Commits, err = m.missing(ctx); err != nil || m.Commits == 0 {
		return m.at(ctx, err)
	}
	if o.Hooks {
		if m.hooks, m.NoHooks, err = r.withHooks(ctx, r.From, m.ref); err != nil {
			return m.Merged, err
		}
	}
	switch o.How {
	case AsSquash:
		err = m.squash(ctx)
	case AsRebase:
		err = m.rebase(ctx)
	default:
		err = m.git(ctx, "", "merge", "--no-edit", "-m", m.message(), m.ref)
	}
	return m.at(ctx, err)
}

// merge is one while it goes on.
type merge struct {
	Merged
	repo   *Repo
	o      MergeOptions
	ref    string // of the branch
	gitDir string // of the checkout
	hooks  []string
}

// able refuses what git would not, or would but half.
func (m *merge) able(ctx context.Context) error {
	switch {
	case m.Into == "":
		return fmt.Errorf("%w: no branch is checked out in %s; switch to the one to merge into", ErrMergeRefused, m.repo.From)
	case m.Into == m.o.Branch:
		return fmt.Errorf("%w: %q is the branch that is checked out in %s; go to a checkout of the branch to merge into", ErrMergeRefused, m.Into, m.repo.From)
	case unfinished(m.gitDir), m.conflicting(ctx) != nil:
		return fmt.Errorf("%w: %s is in the middle of another merge or rebase; end that first: %s", ErrMergeRefused, m.repo.From, plain.Shell("git", "-C", m.repo.From, "status"))
	case m.o.How == AsMerge:
		return nil
	}
	// A commit that is made here would take along what is staged.
	_, err := gitWith(ctx, call{dir: m.repo.From}, "diff", "--cached", "--quiet", "--no-ext-diff", "--ignore-submodules")
	if exitCode(err) == 1 {
		return fmt.Errorf("%w: %s has staged changes; commit or unstage them first", ErrDirty, m.repo.From)
	}
	return err
}

// missing counts the commits that are to come.
func (m *merge) missing(ctx context.Context) (int, error) {
	out, err := git(ctx, m.repo.From, "rev-list", "--count", "HEAD.."+m.ref)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

func (m *merge) at(ctx context.Context, err error) (Merged, error) {
	out, herr := git(ctx, m.repo.From, "rev-parse", "HEAD")
	m.Commit = strings.TrimSpace(out)
	if err == nil {
		err = herr
	}
	return m.Merged, err
}

func (m *merge) message() string {
	if m.o.Message != "" {
		return m.o.Message
	}
	return fmt.Sprintf("Merge branch '%s' into %s", m.o.Branch, m.Into)
}

// squash makes one commit of the branch.
func (m *merge) squash(ctx context.Context) error {
	message, err := m.squashed(ctx)
	if err != nil {
		return err
	}
	if err := m.git(ctx, "", "merge", "--squash", m.ref); err != nil {
		return err
	}
	if _, err := git(ctx, m.repo.From, "diff", "--cached", "--quiet", "--no-ext-diff", "--ignore-submodules"); err == nil {
		m.Commits = 0 // other commits did the same
		_ = os.Remove(filepath.Join(m.gitDir, "SQUASH_MSG"))
		return nil
	}
	return m.git(ctx, message, "commit", "--quiet", "--file=-")
}

// squashed is the message of the one commit: that of the branch's only one, else what they are.
func (m *merge) squashed(ctx context.Context) (string, error) {
	if m.o.Message != "" {
		return m.o.Message, nil
	}
	span := "HEAD.." + m.ref
	if m.Commits == 1 {
		return git(ctx, m.repo.From, "log", "--no-show-signature", "--format=%B", span)
	}
	out, err := git(ctx, m.repo.From, "log", "--no-show-signature", "--reverse", "--no-merges", "--format=* %<(250,trunc)%s", span)
	var b strings.Builder
	fmt.Fprintf(&b, "Squash branch '%s'\n\n", m.o.Branch)
	for line := range strings.Lines(out) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String(), err
}

// rebase makes the branch's commits again on top of what is checked out, but those that are there already.
func (m *merge) rebase(ctx context.Context) error {
	out, err := git(ctx, m.repo.From, "rev-list", "--reverse", "--topo-order", "--no-merges", "--cherry-pick", "--right-only", "HEAD..."+m.ref)
	if err != nil {
		return err
	}
	m.Commits = strings.Count(out, "\n")
	if m.Commits == 0 {
		return nil
	}
	err = m.git(ctx, out, "cherry-pick", "--ff", "--stdin")
	for range m.Commits { // those that have nothing left to do
		if !m.nothingLeft(ctx, err) {
			break
		}
		m.Commits--
		err = m.git(ctx, "", "cherry-pick", "--skip")
	}
	return err
}

// nothingLeft reports whether a cherry-pick stopped at a commit whose changes are there already.
func (m *merge) nothingLeft(ctx context.Context, err error) bool {
	if !errors.Is(err, ErrMergeStopped) {
		return false
	}
	if _, err := os.Lstat(filepath.Join(m.gitDir, "CHERRY_PICK_HEAD")); err != nil {
		return false
	}
	_, err = git(ctx, m.repo.From, "diff", "--cached", "--quiet", "--no-ext-diff", "--ignore-submodules")
	return err == nil
}

// git runs a step in the checkout, with the user's hooks where they may, and tells how it failed.
func (m *merge) git(ctx context.Context, stdin string, args ...string) error {
	c := call{
		dir: m.repo.From, stdin: stdin, tree: true, fetches: true, asks: asks(m.o.Terminal),
		env: []string{"LC_ALL=", "GIT_OPTIONAL_LOCKS=1", "GIT_EDITOR=true", "GIT_MERGE_AUTOEDIT=no"},
	}
	_, err := gitWith(ctx, c, append(append([]string{}, m.hooks...), args...)...)
	var ge *GitError
	if !errors.As(err, &ge) || ctx.Err() != nil {
		return err
	}
	if files := m.conflicting(ctx); files != nil {
		return m.conflict(files)
	}
	if unfinished(m.gitDir) || args[0] == "commit" {
		goes, back := m.ways()
		return fmt.Errorf("%w: %w; go on: %s; or go back: %s", ErrMergeStopped, err, goes, back)
	}
	if strings.Contains(ge.Stderr, "would be overwritten") {
		return fmt.Errorf("%w: %w", ErrDirty, err)
	}
	return fmt.Errorf("%w: %w", ErrMergeRefused, err)
}

// conflicting are the files with conflicts, nil for none.
func (m *merge) conflicting(ctx context.Context) []string {
	items, _, err := gitList(ctx, call{dir: m.repo.From}, "ls-files", "--unmerged", "-z")
	if err != nil {
		return nil
	}
	var files []string
	for _, item := range items {
		if _, path, _ := strings.Cut(item, "\t"); len(files) == 0 || files[len(files)-1] != path {
			files = append(files, path)
		}
	}
	return files
}

// mostConflicts bounds how many files are named.
const mostConflicts = 20

func (m *merge) conflict(files []string) error {
	n := min(len(files), mostConflicts)
	e := &ConflictError{Branch: m.o.Branch, Into: m.Into, Files: files[:n], More: len(files) - n}
	e.Go, e.Back = m.ways()
	return e
}

// ways are the commands that go on and back.
func (m *merge) ways() (goes, back string) {
	at := func(words ...string) string {
		return plain.Shell(append([]string{"git", "-C", m.repo.From}, words...)...)
	}
	switch m.o.How {
	case AsSquash:
		return at("commit"), at("reset", "--merge")
	case AsRebase:
		return at("cherry-pick", "--continue"), at("cherry-pick", "--abort")
	}
	return at("merge", "--continue"), at("merge", "--abort")
}
