package agents

import (
	"context"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// BranchHere is the branch of the checkout that the Manager's folder is in, where an instance has it; else "".
func (m *Manager) BranchHere(ctx context.Context) (string, error) {
	r, err := m.repo(ctx, "", "")
	if err != nil {
		return "", err
	}
	return m.branchHere(ctx, r)
}

func (m *Manager) branchHere(ctx context.Context, r *workspace.Repo) (string, error) {
	all, err := m.inhabitedTrees(ctx, r)
	for _, wt := range all {
		if wt.Path == r.From {
			return wt.Branch, err
		}
	}
	return "", err
}

// shortTarget is target for a branch of which its user typed the beginning, or nothing.
func (m *Manager) shortTarget(ctx context.Context, word string, fb Feedback) (target, error) {
	r, err := m.repo(ctx, "", word)
	if err != nil {
		return target{}, err
	}
	var branch string
	if word == "" {
		branch, err = m.branchHere(ctx, r)
	} else {
		branch, err = m.beginning(ctx, r, word)
	}
	switch {
	case err != nil:
		return target{}, err
	case branch == "":
		return target{}, Errorf(CodeInvalidArgument, "the branch is missing, and this folder is no checkout of an instance; hjk-ls ps lists the branches that have one")
	case branch != word:
		fb.step(BeginningNote(word, branch))
	}
	return m.targetIn(ctx, r, branch)
}

// BeginningNote tells which branch was meant.
func BeginningNote(word, branch string) string {
	if word == "" {
		return "this checkout is of " + branch
	}
	return word + " is " + branch
}

// BranchBeginning is the one branch with an instance that begins so. What is a branch itself, or the beginning of none, stays as it is.
func (m *Manager) BranchBeginning(ctx context.Context, word string) (string, error) {
	r, err := m.repo(ctx, "", "")
	if err != nil {
		return word, err
	}
	return m.beginning(ctx, r, word)
}

func (m *Manager) beginning(ctx context.Context, r *workspace.Repo, word string) (string, error) {
	if word == "" || m.place(r.Root, word).exists() {
		return word, nil
	}
	if has, err := r.HasBranch(ctx, word); has || err != nil {
		return word, wrap(err, CodeWorktreeFailed)
	}
	all, err := m.inhabitedTrees(ctx, r)
	if err != nil {
		return word, err
	}
	var found []string
	for _, wt := range all {
		switch {
		case wt.Branch == word:
			return word, nil
		case strings.HasPrefix(wt.Branch, word):
			found = append(found, wt.Branch)
		}
	}
	slices.Sort(found)
	switch len(found) {
	case 0:
		return word, nil
	case 1:
		return found[0], nil
	}
	return word, Errorf(CodeInstanceAmbiguous, "%q is the beginning of %d branches: %s; type more of the one you mean",
		word, len(found), plain.Short(strings.Join(found, ", "), plain.MaxMessage))
}

// inhabitedTrees are the checkouts that an instance has.
func (m *Manager) inhabitedTrees(ctx context.Context, r *workspace.Repo) ([]workspace.Worktree, error) {
	all, err := r.Worktrees(ctx)
	if err != nil {
		return nil, wrap(err, CodeWorktreeFailed)
	}
	return slices.DeleteFunc(all, func(wt workspace.Worktree) bool {
		return wt.Branch == "" || wt.Foreign || !wt.Owned && !m.place(r.Root, wt.Branch).exists()
	}), nil
}
