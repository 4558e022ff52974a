package distrust

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Place is a file or a folder, as it was found.
type Place struct {
	Path string // absolute, with no link in it
	Info fs.FileInfo
}

// Locate finds name below the folder top, without following a link below it. What stands at Path may be replaced at once: who
// hands the path to somebody else, such as the engine for a mount, compares what that one took with Is.
func Locate(top, name string) (Place, error) {
	top, err := filepath.EvalSymlinks(top)
	if err != nil {
		return Place{}, err
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return Place{}, err
	}
	defer root.Close()
	f, err := openBeneath(root, name, pathFlags)
	if err != nil {
		return Place{}, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err == nil && fi.Mode()&fs.ModeSymlink != 0 { // a link can be held, too
		err = notRegular(name, fi.Mode())
	}
	return Place{Path: filepath.Join(top, name), Info: fi}, err
}

// Is reports whether fi is of the file or folder that was found.
func (p Place) Is(fi fs.FileInfo) bool { return os.SameFile(p.Info, fi) }
