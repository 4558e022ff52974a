package workspace

import (
	"os"
	"path/filepath"
)

// midway are what git keeps in a git directory while it is in the middle of something that ends with a commit, or with the
// branch as it was. Who moves the branch meanwhile has its commit undone by either.
var midway = []string{"MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply"}

// unfinished reports whether git is in the middle of something in a git directory.
func unfinished(gitDir string) bool {
	for _, name := range midway {
		if _, err := os.Lstat(filepath.Join(gitDir, name)); err == nil {
			return true
		}
	}
	return false
}
