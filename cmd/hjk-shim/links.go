package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// linksMain tells whether a symbolic link is on the way to one of some places in a container, or at it. The home lies in shim.HomeDir.
func linksMain(home string, places []string) int {
	for _, place := range places {
		top, rest := "/", place
		if rel, err := filepath.Rel(home, place); home != "" && err == nil && filepath.IsLocal(rel) {
			top, rest = shim.HomeDir, rel
		}
		at := top
		for part := range strings.SplitSeq(strings.Trim(rest, "/"), "/") {
			at = filepath.Join(at, part)
			fi, err := os.Lstat(at)
			if err != nil {
				break
			}
			if fi.Mode()&os.ModeSymlink != 0 {
				fmt.Fprintf(os.Stderr, "%s would be mounted elsewhere, by a symbolic link of the image or in the home (or take it out of the settings, and recreate)\n", place)
				return 1
			}
		}
	}
	return 0
}
