package distrust

import (
	"os"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// File reads a file by its path, of at most max bytes, wherever links lead: a regular one, without waiting. It is for files
// that are the user's to place, such as settings that lie among dotfiles, in folders where an agent may write too, or an image's. What
// it reads is shown to nobody but the user.
func File(path string, max int64) ([]byte, error) {
	f, err := OpenFile(path)
	return readAll(path, f, err, max)
}

// OpenFile opens what File reads, for files of which only a part is wanted.
func OpenFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|system.NonBlock, 0)
	return regular(path, f, err)
}
