package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Git runs a filter to store a file, and also to see whether one has changed. It does not tell the filter what for, but its
// command line does.

// parents are the command lines of this process's parent, its parent and so on, as far as a filter can be from its git.
func parents() (all [][]string) {
	pid := os.Getppid()
	for range 4 {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			break
		}
		all = append(all, strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00"))
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			break
		}
		f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])) // state, parent
		if len(f) < 2 {
			break
		}
		if pid, err = strconv.Atoi(f[1]); err != nil || pid < 1 {
			break
		}
	}
	return all
}

// onlyCompares reports whether the nearest git among command lines stores no file of the worktree.
func onlyCompares(lines [][]string) bool {
	for _, argv := range lines {
		if name := filepath.Base(argv[0]); name == "git" {
			verb, args := verbOf(argv[1:])
			return slices.Contains(comparing, verb) || verb == "commit" && commitsIndex(args)
		}
	}
	return false
}

// comparing are the commands of git that store nothing.
var comparing = []string{"status", "diff", "diff-files", "diff-index", "describe", "blame", "annotate"}

// verbOf is git's command among its arguments, and what follows it.
func verbOf(args []string) (verb string, rest []string) {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-c" || a == "-C" || a == "--git-dir" || a == "--work-tree" || a == "--namespace" || a == "--exec-path":
			i++
		case !strings.HasPrefix(a, "-"):
			return a, args[i+1:]
		}
	}
	return "", nil
}

// What a commit may be asked for that takes nothing from the worktree.
var (
	commitFlags  = []string{"--amend", "--no-edit", "--edit", "--no-verify", "--quiet", "--verbose", "--signoff", "--allow-empty", "--allow-empty-message", "--reset-author", "--no-gpg-sign"}
	commitValues = []string{"--message", "--file", "--author", "--date", "--trailer", "--cleanup", "--reuse-message", "--reedit-message"}
)

// commitsIndex reports whether the arguments of `git commit` ask for nothing but what is staged.
func commitsIndex(args []string) bool {
	for i := 0; i < len(args); i++ {
		a := args[i]
		key, _, valued := strings.Cut(a, "=")
		switch {
		case strings.HasPrefix(a, "--"):
			if slices.Contains(commitValues, key) {
				if !valued {
					i++
				}
			} else if !slices.Contains(commitFlags, a) {
				return false
			}
		case len(a) > 1 && a[0] == '-':
			takes, ok := shortFlags(a[1:])
			if !ok {
				return false
			}
			if takes {
				i++
			}
		default:
			return false // a path
		}
	}
	return true
}

// shortFlags reads flags of one letter that stand together: whether the last of them takes the next argument, and whether all of
// them are such that take nothing from the worktree.
func shortFlags(letters string) (takes, ok bool) {
	for i, l := range letters {
		switch {
		case strings.ContainsRune("mFCc", l):
			return i == len(letters)-1, true
		case !strings.ContainsRune("qvsne", l):
			return false, false
		}
	}
	return false, true
}
