package main

import (
	"strings"
	"testing"
)

// TestOnlyCompares knows the commands of git that store no file of the worktree, by their command lines.
func TestOnlyCompares(t *testing.T) {
	for line, want := range map[string]bool{
		"git status": true,
		"/usr/bin/git -C d -c a=b --no-pager diff -- f": true,
		"git --git-dir x --no-optional-locks status":    true,
		"git commit -m add":                             true,
		"git commit -qm x --amend --no-edit":            true,
		"git commit --message x -s":                     true,
		"git commit --author=A":                         true,
		"git commit":                                    true,
		"git commit -a -m x":                            false,
		"git commit -am x":                              false,
		"git commit --all":                              false,
		"git commit -m x f":                             false,
		"git commit -m x -- f":                          false,
		"git commit -i f":                               false,
		"git commit --patch":                            false,
		"git commit --interactive":                      false,
		"git commit --pathspec-from-file=x":             false,
		"git add f":                                     false,
		"git stash":                                     false,
		"git hash-object -w status":                     false,
		"git update-index --add diff":                   false,
		"git -c alias.status=add x":                     false,
		"git":                                           false,
	} {
		if got := onlyCompares([][]string{{"sh", "-c", "x"}, strings.Fields(line), {"git", "status"}}); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
	if onlyCompares([][]string{{"bash"}, {"gitk", "status"}}) {
		t.Error("there is no git")
	}
}
