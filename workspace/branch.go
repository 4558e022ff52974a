package workspace

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

var (
	// ErrInvalidBranch means that git would not take a name as a branch of this repository.
	ErrInvalidBranch = errors.New("not a possible branch name")
	// ErrUnbornHead means that the repository has no commit yet to start a branch from.
	ErrUnbornHead = errors.New("the repository has no commit yet")
	// ErrStartPoint means that the start point of a new branch names no commit.
	ErrStartPoint = errors.New("no such start point")
	// ErrDamaged means that git cannot read what the repository should have.
	ErrDamaged = errors.New("the repository is damaged")
)

// AmbiguousError means that several remotes have the branch.
type AmbiguousError struct {
	Branch  string
	Remotes []string
}

func (e *AmbiguousError) Error() string {
	var choices []string
	for _, r := range e.Remotes {
		choices = append(choices, fmt.Sprintf("--from %s/%s", r, e.Branch))
	}
	return fmt.Sprintf("branch %q is on several remotes (%s); say which one: %s", e.Branch, strings.Join(e.Remotes, ", "), strings.Join(choices, " or "))
}

// start is where a branch's commits come from.
type start struct {
	local  bool   // the branch exists
	track  string // remote-tracking ref to follow, such as "origin/fix"
	commit string // start of a new branch
}

// Check refuses what can be refused before anything is made.
func (r *Repo) Check(ctx context.Context, branch, from string) error {
	_, err := r.start(ctx, branch, from)
	return err
}

func (r *Repo) start(ctx context.Context, branch, from string) (start, error) {
	if err := validBranch(branch); err != nil {
		return start{}, err
	}
	refs, err := r.refs(ctx, branch)
	if err != nil {
		return start{}, err
	}
	if refs.local != "" {
		return start{local: true, commit: refs.local}, r.fromExisting(ctx, branch, from, refs.local)
	}
	if refs.conflict != "" {
		return start{}, fmt.Errorf("%w: %q cannot be beside the branch %q; choose another name", ErrInvalidBranch, branch, refs.conflict)
	}
	if from != "" {
		return r.startPoint(ctx, branch, from)
	}
	switch len(refs.remotes) {
	case 0:
		return r.startPoint(ctx, branch, "HEAD")
	case 1:
		return start{track: refs.remotes[0] + "/" + branch}, nil
	}
	return start{}, &AmbiguousError{Branch: branch, Remotes: refs.remotes}
}

// fromExisting refuses a start point that an existing branch would silently not start from.
func (r *Repo) fromExisting(ctx context.Context, branch, from, tip string) error {
	if from == "" {
		return nil
	}
	commit, err := r.commit(ctx, from)
	if err != nil {
		return err
	}
	if commit != tip {
		return fmt.Errorf("%w: branch %q exists and is not at %s; leave --from out to use it as it is", ErrStartPoint, branch, from)
	}
	return nil
}

// startPoint resolves from. A remote's branch of the same name is followed.
func (r *Repo) startPoint(ctx context.Context, branch, from string) (start, error) {
	commit, err := r.commit(ctx, from)
	if err != nil {
		return start{}, err
	}
	if remote, ok := strings.CutSuffix(from, "/"+branch); ok {
		if _, err := git(ctx, r.CommonDir, "show-ref", "--verify", "--quiet", "refs/remotes/"+remote+"/"+branch); err == nil {
			return start{track: from}, nil
		}
	}
	return start{commit: commit}, nil
}

func (r *Repo) commit(ctx context.Context, rev string) (string, error) {
	out, err := git(ctx, r.From, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err == nil {
		return strings.TrimSpace(out), nil
	}
	if exitCode(err) < 0 {
		return "", err
	}
	if rev == "HEAD" {
		if id, err := git(ctx, r.From, "rev-parse", "--verify", "--quiet", "HEAD"); err == nil {
			return "", r.damaged(fmt.Errorf("commit %s, which HEAD names, is missing", strings.TrimSpace(id)))
		}
		return "", fmt.Errorf("%w; make one first: git commit --allow-empty -m start", ErrUnbornHead)
	}
	return "", fmt.Errorf("%w: %q is no commit, branch or tag here; git branch -a lists branches", ErrStartPoint, rev)
}

// damaged says what helps where git cannot read the repository.
func (r *Repo) damaged(err error) error {
	return fmt.Errorf("%w: %w; what is missing or broken tells: %s", ErrDamaged, err, plain.Shell("git", "-C", r.Root, "fsck"))
}

// branchRefs is what the repository has of a branch's name.
type branchRefs struct {
	local    string   // commit of the local branch
	remotes  []string // remotes that have it
	conflict string   // a local branch whose name is a folder of it, or the other way round
}

func (r *Repo) refs(ctx context.Context, branch string) (branchRefs, error) {
	out, err := git(ctx, r.CommonDir, "for-each-ref", "--format=%(refname)%00%(objectname)", "refs/heads", "refs/remotes/*/"+branch)
	if exitCode(err) > 0 {
		err = r.damaged(err)
	}
	if err != nil {
		return branchRefs{}, err
	}
	var b branchRefs
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		ref, commit, _ := strings.Cut(line, "\x00")
		if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
			switch {
			case name == branch:
				b.local = commit
			case strings.HasPrefix(branch, name+"/"), strings.HasPrefix(name, branch+"/"):
				b.conflict = name
			}
			continue
		}
		if remote, ok := strings.CutSuffix(strings.TrimPrefix(ref, "refs/remotes/"), "/"+branch); ok {
			b.remotes = append(b.remotes, remote)
		}
	}
	return b, nil
}

// maxRefPart leaves room for ".lock" in a file name of 255 bytes.
const maxRefPart = 250

// validBranch is git-check-ref-format(1) for "refs/heads/"+branch, with what `git branch` refuses on top.
func validBranch(branch string) error {
	bad := func(why string) error {
		return fmt.Errorf("%w: %q %s (git check-ref-format has the rules)", ErrInvalidBranch, branch, why)
	}
	switch {
	case branch == "":
		return bad("is empty")
	case strings.HasPrefix(branch, "-"):
		return bad("begins with a dash")
	case branch == "HEAD", branch == "@":
		return bad("is a name of git's own")
	case strings.HasPrefix(branch, "refs/heads/"):
		return bad("is a full ref; give the short name")
	case strings.Contains(branch, ".."), strings.Contains(branch, "@{"), strings.HasSuffix(branch, "."):
		return bad("holds .. or @{, or ends with a dot")
	}
	for _, c := range []byte(branch) {
		if c < 0x20 || c == 0x7f || strings.IndexByte(" ~^:?*[\\", c) >= 0 {
			return bad(fmt.Sprintf("holds the character %q", rune(c)))
		}
	}
	for _, part := range strings.Split(branch, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return bad("has a part that is empty, begins with a dot or ends with .lock")
		}
		if len(part) > maxRefPart {
			return bad(fmt.Sprintf("has a part longer than %d bytes", maxRefPart))
		}
	}
	return nil
}
