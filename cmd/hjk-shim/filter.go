package main

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // git names objects by it
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// filterMain stands for a filter or a merge driver of the user's git (gitattributes(5)), whose program and keys are not in the container.
// What the filter made of unchanged files is known from the host (workspace/private_known.go); all else fails, so that nothing is
// committed, or checked out, without it.
func filterMain(verb, name, file string, in io.Reader, out io.Writer) int {
	f := filter{name: name, file: file, dir: filepath.Join(commonDir(), "hjk-ls.known")}
	var err error
	switch verb {
	case "clean":
		err = f.clean(in, out)
	case "smudge":
		err = f.smudge(in, out)
	case "ours": // a driver that does nothing
	case "merge":
		err = fmt.Errorf("%s is not merged: your user's git has the merge driver %q for it, which does not run in this container; resolve it by hand, or have your user merge on the host, in this same folder", file, name)
	default:
		return 2
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hjk-shim:", err)
		return 1
	}
	return 0
}

// filter is one filter, of one file.
type filter struct {
	name, file, dir string
}

// maxKnownFile is the most that a known file has.
const maxKnownFile = 16 << 20

// clean gives what the filter made of a file that is unchanged. A git that only compares gets others as they are.
func (f filter) clean(in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(io.LimitReader(in, maxKnownFile+1))
	if err != nil || len(text) == 0 {
		return err
	}
	if id := f.objectOf(text); id != "" {
		cmd := exec.Command("git", "cat-file", "blob", id) //nolint:gosec // the id is a file's name of ours
		cmd.Stdout, cmd.Stderr = out, os.Stderr
		return cmd.Run()
	}
	if onlyCompares(parents()) {
		_, err := io.Copy(out, io.MultiReader(bytes.NewReader(text), in))
		return err
	}
	return fmt.Errorf("%s is not added: your user's git has the filter %q for it, which does not run in this container, so that it would be committed as it is. "+
		"Leave the file as it is and commit the rest (git add -A -- ':!%[1]s'). Your user can add and commit it on the host, in this same folder", f.file, f.name)
}

// objectOf is the object that the filter made of a content, "" when that is not known.
func (f filter) objectOf(text []byte) string {
	sum := sha256.Sum256([]byte(f.file))
	all, _ := filepath.Glob(filepath.Join(f.dir, fmt.Sprintf("%x-*", sum[:16])))
	for _, path := range all {
		if known, err := os.ReadFile(path); err == nil && bytes.Equal(known, text) {
			_, id, _ := strings.Cut(filepath.Base(path), "-")
			return id
		}
	}
	return ""
}

// smudge gives the file of an object.
func (f filter) smudge(in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(in)
	if err != nil || len(text) == 0 {
		return err
	}
	head := fmt.Sprintf("blob %d\x00", len(text))
	short, long := sha1.Sum(append([]byte(head), text...)), sha256.Sum256(append([]byte(head), text...)) //nolint:gosec // as above
	for _, id := range []string{fmt.Sprintf("%x", short), fmt.Sprintf("%x", long)} {
		if all, _ := filepath.Glob(filepath.Join(f.dir, "*-"+id)); len(all) > 0 {
			known, err := os.ReadFile(all[0])
			if err == nil {
				_, err = out.Write(known)
			}
			return err
		}
	}
	return fmt.Errorf("%s cannot be checked out: what was committed needs your user's filter %q, which does not run in this container. "+
		"Have your user do this on the host, in this same folder. If the file is gone now: git checkout HEAD -- %[1]s", f.file, f.name)
}

// commonDir is the git directory that git works in, of all its worktrees. Git runs filters at the top of the worktree.
func commonDir() string {
	dir := gitDir()
	if b, err := os.ReadFile(filepath.Join(dir, "commondir")); err == nil {
		if common := strings.TrimSpace(string(b)); filepath.IsAbs(common) {
			return common
		} else if common != "" {
			return filepath.Join(dir, common)
		}
	}
	return dir
}

// missingMain stands for the server that a partial clone has its objects from: git asks it for those that the host has not
// fetched either.
func missingMain() int {
	fmt.Fprintln(os.Stderr, errMissing)
	return 1
}

var errMissing = errors.New("hjk-shim: this is a partial clone, and what you ask for was not fetched on the host. " +
	"Git in the container cannot fetch it. On the host, `hjk-ls doctor` says how to fetch the whole history; it is here at once then")
