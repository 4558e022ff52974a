package agents

import (
	"context"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// BranchFate is what becomes of a branch whose instance is removed.
type BranchFate struct {
	Deleted   bool     `json:"deleted"`             // or, of a dry run, would be
	Deletable bool     `json:"deletable,omitempty"` // of a dry run: deleteBranch deletes it
	Commits   []string `json:"commits,omitempty"`   // on no other branch, remote or tag, the first fifty
	Why       string   `json:"why,omitempty"`       // it stays although its deletion was asked for, or it could not be deleted
	Kept      string   `json:"kept,omitempty"`      // the reference at which its commits are kept for some time
}

// fate foresees what becomes of the branch. Where that goes, its own commits are lost, too.
func (r *removal) fate(ctx context.Context, u *workspace.Unsaved) error {
	there, err := r.repo.HasBranch(ctx, r.args.Branch)
	if err != nil || !there {
		r.branch = nil
		return err
	}
	r.branch = &BranchFate{Commits: u.Branch, Why: "its checkout was not made by hjk-ls"}
	if r.found {
		f, err := r.repo.BranchFate(ctx, r.tree)
		if err != nil {
			return err
		}
		r.branch.Why = f.Why
	}
	r.branch.Deletable = r.branch.Why == ""
	if r.branch.Deletable && (r.args.DeleteBranch || r.restored) {
		r.branch.Deleted = true
		*u = u.WithBranch()
	}
	return nil
}

// deleteBranch deletes the branch where that was asked for, or where it is there for the checks only.
func (r *removal) deleteBranch(ctx context.Context) error {
	b := r.branch
	if b == nil { // there is none, or by force, where nothing could be foreseen
		there, err := r.repo.HasBranch(ctx, r.args.Branch)
		if err != nil || !there || !r.found {
			return err
		}
		b = &BranchFate{Deleted: r.args.DeleteBranch || r.restored}
		r.branch = b
	}
	b.Deletable = false
	if !b.Deleted {
		if !r.args.DeleteBranch {
			b.Why = ""
		}
		return nil
	}
	f, err := r.repo.DeleteBranch(ctx, r.tree, r.place.name, r.args.Force && r.args.DeleteBranch)
	b.Deleted, b.Why, b.Kept = f.Deleted, f.Why, f.Kept
	if b.Deleted && b.Kept == "" {
		b.Commits = nil
	}
	return err
}
