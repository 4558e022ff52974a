package workspace

import (
	"os"
	"path/filepath"
)

// maxHops bounds the symbolic links from a file's name to the file.
const maxHops = 40

// Hops are the paths at which a change is one of a file: its own, and those that each symbolic link on the way names.
// Their folders have no links, as those that a Watcher tells of. Nothing of it need be there.
func Hops(path string) []string {
	var all []string
	for range maxHops {
		path = filepath.Join(realFolder(filepath.Dir(path)), filepath.Base(path))
		all = append(all, path)
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return all
}

// realFolder is a path without symbolic links, as far as it is there.
func realFolder(dir string) string {
	rest := ""
	for at := dir; at != filepath.Dir(at); at = filepath.Dir(at) {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(real, rest)
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
	return dir
}
