package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// printRemoved says what went, what stays, and how to get back what is kept.
func printRemoved(w io.Writer, args agents.RemoveArgs, res agents.RemoveResult) {
	if args.DryRun {
		fmt.Fprintf(w, "would remove %s%s\n", plain.Line(args.Branch), branchFate(args, res.Branch))
	} else {
		fmt.Fprintf(w, "removed %s%s\n", plain.Line(args.Branch), branchFate(args, res.Branch))
	}
	if res.Lost != "" {
		fmt.Fprintf(w, "work that would be lost:\n%s\n", plain.Text(res.Lost))
	}
	if len(res.Ignored) > 0 && res.Lost == "" { // beside what is lost they are named already
		fmt.Fprintf(w, "ignored files that %s with it: %s\n", word(args.DryRun, "would go", "went"), plain.Line(strings.Join(res.Ignored, ", ")))
	}
	printKept(w, args.DryRun, res)
}

func word(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// branchFate says what becomes of the branch, after its name.
func branchFate(args agents.RemoveArgs, b *agents.BranchFate) string {
	if b == nil {
		return ""
	}
	own := ""
	switch n := len(b.Commits); {
	case n == 1:
		own = " with 1 commit that is on no other branch, remote or tag"
	case n > 1:
		own = fmt.Sprintf(" with %d commits that are on no other branch, remote or tag", n)
	}
	switch {
	case b.Deleted && b.Kept != "":
		return fmt.Sprintf(" and the branch%s; get it back with %s", own, plain.Shell("git", "branch", args.Branch, b.Kept))
	case b.Deleted:
		return " and the branch" + own
	case args.DeleteBranch:
		return fmt.Sprintf("; the branch stays%s: %s; to delete it: %s", own, plain.Line(b.Why), plain.Shell("git", "branch", "-D", args.Branch))
	}
	return "; the branch stays" + own
}

// mostKept bounds how much of what was kept is named.
const mostKept = 10

// printKept says how to get back what only git in the container knew.
func printKept(w io.Writer, dry bool, res agents.RemoveResult) {
	switch {
	case len(res.Kept) > 0 && dry:
		fmt.Fprintf(w, "would be kept until %s, as only git in the container knows it:\n", res.KeptUntil)
	case len(res.Kept) > 0:
		fmt.Fprintf(w, "kept until %s, as only git in the container knew it; get it back with git branch NAME and one of:\n", res.KeptUntil)
	}
	for i, ref := range res.Kept {
		if i == mostKept {
			more := ": git for-each-ref refs/headjack/trash"
			fmt.Fprintf(w, "  … and %d more%s\n", len(res.Kept)-mostKept, word(dry, "", more))
			break
		}
		fmt.Fprintf(w, "  %s\n", plain.Line(word(dry, ref.Name, ref.Ref)))
	}
	if res.NotKept != "" {
		fmt.Fprintf(w, "%s: %s\n", word(dry, "cannot be kept", "not kept"), plain.Line(res.NotKept))
	}
}
