package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// ownMain gives the folders at and below shim.OwnDir to a user, who can delete then what is in them.
func ownMain(u user) int {
	root, err := os.OpenRoot(filepath.Dir(shim.OwnDir))
	if err == nil {
		defer root.Close()
		err = distrust.OwnMounted(context.Background(), root, filepath.Base(shim.OwnDir), u.uid, u.gid)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hjk-shim:", err)
		return 1
	}
	return 0
}
