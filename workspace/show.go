package workspace

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ShowOptions say how a diff is written.
type ShowOptions struct {
	Base     string // as Diff has it
	Stat     bool
	NameOnly bool
	Exact    bool     // for git apply: binary files too
	Width    int      // of a terminal, for Stat; 0 is git's own
	Paths    []string // pathspecs from the top of the checkout; none is everything
}

// Shown is what a diff that was written is of.
type Shown struct {
	Diff
	Own  []string // untracked folders that are repositories of their own, which are not shown
	Left int      // untracked files that are not shown, as there are too many
}

// Show writes to w how the worktree, with what is not committed and what is not tracked, differs from where its branch left base. It
// starts no program for it: no external diff, no text conversion, and no filter but git-lfs, as their input would be an agent's.
func (r *Repo) Show(ctx context.Context, wt Worktree, o ShowOptions, w io.Writer) (Shown, error) {
	c, err := r.parted(ctx, wt, o.Base)
	if err != nil {
		return Shown{}, err
	}
	s := Shown{Diff: c}
	dir, err := os.MkdirTemp("", "hjk-diff-")
	if err != nil {
		return s, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	index := filepath.Join(dir, indexFile)
	off, err := filtersOff(ctx, wt.Path)
	if err != nil {
		return s, err
	}
	if err := s.index(ctx, wt, index, off, o.Paths); err != nil {
		return s, err
	}
	args := append(slices.Clone(off), "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "diff", "--no-color", "--find-renames",
		"--no-ext-diff", "--no-textconv", "--no-relative", "--ignore-submodules=dirty")
	switch {
	case o.Stat:
		args = append(args, "--stat"+width(o.Width))
	case o.NameOnly:
		args = append(args, "--name-only")
	case o.Exact:
		args = append(args, "--binary")
	}
	args = append(append(args, c.Commit, "--"), o.Paths...)
	return s, gitTo(ctx, call{dir: wt.Path, tree: true, env: []string{"GIT_INDEX_FILE=" + index}}, w, args...)
}

func width(columns int) string {
	if columns <= 0 {
		return ""
	}
	return "=" + strconv.Itoa(columns)
}

// index makes a copy of the worktree's index that knows of the untracked files, too: the worktree's own stays as it is.
func (s *Shown) index(ctx context.Context, wt Worktree, index string, off, paths []string) error {
	if err := wt.copyIndex(index); err != nil {
		return err
	}
	var files strings.Builder
	n := 0
	list := append([]string{"ls-files", "--others", "--exclude-standard", "-z", "--"}, paths...)
	err := gitEach(ctx, call{dir: wt.Path}, func(path string) {
		switch {
		case strings.HasSuffix(path, "/"): // git would believe what it finds there
			s.Own = append(s.Own, path)
		case n >= maxFiles || files.Len() > maxFilesText || len(path) >= maxOne:
			s.Left++
		default:
			n++
			files.WriteString(path + "\x00")
		}
	}, list...)
	if err != nil || n == 0 {
		return err
	}
	_, err = gitWith(ctx, call{dir: wt.Path, stdin: files.String(), env: []string{"GIT_INDEX_FILE=" + index, "GIT_LITERAL_PATHSPECS=1"}},
		append(slices.Clone(off), "-c", "core.splitIndex=false", "add", "--intent-to-add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul")...)
	if exitCode(err) > 0 { // an agent deletes files meanwhile
		return fmt.Errorf("the worktree changed while it was looked at; try again: %w", err)
	}
	return err
}

// copyIndex copies a worktree's index to a file, where there is one.
func (wt Worktree) copyIndex(file string) error {
	b, err := os.ReadFile(filepath.Join(wt.GitDir, indexFile))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

// filtersOff are the settings with which a git runs none of the filters of a checkout, but git-lfs.
func filtersOff(ctx context.Context, dir string) ([]string, error) {
	out, err := git(ctx, dir, "config", "-z", "--includes", "--name-only", "--get-regexp", `^filter\..*\.(clean|smudge|process)$`)
	if exitCode(err) == 1 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var off []string
	for _, key := range nul(out) {
		name, _ := filterKey(key)
		if name != lfsName {
			off = append(off, "-c", key+"=", "-c", "filter."+name+".required=false")
		}
	}
	return off, nil
}

// gitTo runs git and gives w its output as it comes. A reader that has enough ends it, and is no failure.
func gitTo(ctx context.Context, c call, w io.Writer, args ...string) error {
	ctx, done, err := c.guarded(ctx)
	if err != nil {
		return err
	}
	defer done()
	cmd, full := c.command(ctx, args)
	out, stderr := &output{w: w}, bounded{max: maxComplaint}
	cmd.Stdout, cmd.Stderr = out, &stderr
	err = c.run(ctx, cmd)
	if out.err != nil {
		return out.err
	}
	_, err = gitEnded(ctx, err, full, "", stderr.String())
	return err
}

// output remembers why it could not be written.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if err != nil {
		o.err = err
	}
	return n, err
}
