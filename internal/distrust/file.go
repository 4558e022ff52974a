package distrust

import (
	"os"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// File reads a file by its path, of at most max bytes, wherever links lead: a regular one, without waiting. It is for files
// that are the user's to place, such as settings that lie among dotfiles, in folders where an agent may write too. What it
// reads is shown to nobody but the user.
func File(path string, max int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|system.NonBlock, 0)
	f, err = regular(path, f, err)
	return readAll(path, f, err, max)
}
