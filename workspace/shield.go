package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrInTheWay means that a container's agent, or somebody else, has put something where git on the host looks for a repository.
var ErrInTheWay = errors.New("it is in the way")

func inTheWay(path, of string) error {
	return fmt.Errorf("%s is where git looks for %s, and is neither a folder nor a plain file: %w; see what it is, delete it, and try again", path, of, ErrInTheWay)
}

// shield collects the mounts that keep an agent from putting a repository of its own where git on the host would believe the
// configuration it finds: a mount point can be neither renamed nor replaced. Folders that lead to one are mount points too, as a
// folder that holds one can be renamed.
//
// Everything is looked at below the held worktree and step by step, so that no link is followed. What is replaced later is found
// when the container starts.
type shield struct {
	root  *os.Root
	top   string // the worktree
	empty string // a folder of ours without anything in it
	done  map[string]bool
	under map[string]bool // folders that are hidden
	binds []Bind
}

func (p *Private) shield() (*shield, error) {
	root, err := os.OpenRoot(p.tree.Path)
	if err != nil {
		return nil, err
	}
	empty := filepath.Join(p.dir, "nothing")
	if err := os.MkdirAll(empty, 0o755); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &shield{root: root, top: p.tree.Path, empty: empty, done: map[string]bool{}, under: map[string]bool{}}, nil
}

// submodule makes the folder of a submodule a mount point, and its link, where it is checked out, read-only. One that is not is
// empty and read-only: git enters it by itself. Where there is no folder, one is made, as git does.
func (s *shield) submodule(path string) error {
	const of = "a submodule"
	if ok, err := s.lead(filepath.Dir(path), of, true); err != nil || !ok {
		return err
	}
	fi, err := s.look(path, of, true)
	switch {
	case err != nil || s.done[path]:
		return err
	case !fi.IsDir():
		s.bind(path, true)
		return nil
	}
	git, err := s.look(filepath.Join(path, ".git"), of, false)
	if err != nil {
		return err
	}
	s.bind(path, git == nil)
	if git != nil {
		s.bind(filepath.Join(path, ".git"), true)
	}
	return nil
}

// repository makes the git directory of a repository that lies in the worktree read-only; path is that directory, or the file
// that leads to it.
func (s *shield) repository(path string) error {
	const of = "a repository"
	if ok, err := s.lead(filepath.Dir(path), of, false); err != nil || !ok {
		return err
	}
	fi, err := s.look(path, of, false)
	if err == nil && fi != nil {
		s.bind(path, true)
	}
	return err
}

// hide covers a folder with an empty one.
func (s *shield) hide(path string) error {
	const of = "a worktree"
	if ok, err := s.lead(filepath.Dir(path), of, false); err != nil || !ok {
		return err
	}
	fi, err := s.look(path, of, false)
	if err != nil || fi == nil || !fi.IsDir() || s.done[path] {
		return err
	}
	s.done[path], s.under[path] = true, true
	s.binds = append(s.binds, Bind{Source: s.empty, Target: filepath.Join(s.top, path), ReadOnly: true})
	return nil
}

// lead makes mount points of a folder and of those it lies in. It reports whether they are there, and folders.
func (s *shield) lead(dir, of string, create bool) (bool, error) {
	if dir == "." {
		return true, nil
	}
	path := ""
	for part := range strings.SplitSeq(filepath.ToSlash(dir), "/") {
		path = filepath.Join(path, part)
		fi, err := s.look(path, of, create)
		if err != nil || fi == nil {
			return false, err
		}
		s.bind(path, !fi.IsDir()) // a file in the place of a folder: it stays one
		if !fi.IsDir() {
			return false, nil
		}
	}
	return true, nil
}

// look tells what is at a path: nil is nothing. What can be no mount point is an error.
func (s *shield) look(path, of string, create bool) (fs.FileInfo, error) {
	fi, err := s.root.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, nil
		}
		if err = s.root.Mkdir(path, 0o755); err == nil {
			fi, err = s.root.Lstat(path)
		}
	}
	if err == nil && !fi.IsDir() && !fi.Mode().IsRegular() {
		err = inTheWay(filepath.Join(s.top, path), of)
	}
	return fi, err
}

// bind mounts a part of the worktree on itself.
func (s *shield) bind(path string, readOnly bool) {
	if s.done[path] {
		return
	}
	s.done[path] = true
	full := filepath.Join(s.top, path)
	s.binds = append(s.binds, Bind{Source: full, Target: full, ReadOnly: readOnly})
}
