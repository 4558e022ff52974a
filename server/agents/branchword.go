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
	all, err := m.inhabitedTrees(ctx, r)
	for _, wt := range all {
		if wt.Path == r.From {
			return wt.Branch, err
		}
	}
	return "", err
}

// BranchBeginning is the one branch with an instance that begins so. What is a branch itself, or the beginning of none, stays as it is.
func (m *Manager) BranchBeginning(ctx context.Context, word string) (string, error) {
	r, err := m.repo(ctx, "", "")
	if err != nil {
		return word, err
	}
	if has, err := r.HasBranch(ctx, word); has || err != nil || word == "" {
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
