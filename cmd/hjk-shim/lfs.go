package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// lfsMain is the git-lfs filter (gitattributes(5)) of repositories that use git-lfs: git-lfs itself where the image has it,
// else enough of it to keep files and pointers apart. A pointer is as git-lfs's specification says.
func lfsMain(verb, file string, in io.Reader, out io.Writer) int {
	if path, err := exec.LookPath("git-lfs"); err == nil {
		err = syscall.Exec(path, []string{"git-lfs", verb, "--", file}, os.Environ())
		fmt.Fprintln(os.Stderr, "hjk-shim:", err)
		return 1
	}
	filter := map[string]func(io.Reader, io.Writer) error{"clean": lfsClean, "smudge": lfsSmudge}[verb]
	if filter == nil {
		return 2
	}
	if err := filter(in, out); err != nil {
		fmt.Fprintln(os.Stderr, "hjk-shim: git-lfs:", err)
		return 1
	}
	return 0
}

// maxPointer is the specification's.
const maxPointer = 1024

var pointer = regexp.MustCompile(`^version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize \d+\n$`)

// lfsClean stores content and gives its pointer; a pointer stays one.
func lfsClean(in io.Reader, out io.Writer) error {
	head := make([]byte, maxPointer)
	n, err := io.ReadFull(in, head)
	head = head[:n]
	if err != nil && (n == 0 || pointer.Match(head)) {
		_, err = out.Write(head)
		return err
	}
	dir, err := lfsStore()
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, "tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(tmp, sum), io.MultiReader(bytes.NewReader(head), in))
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	oid := hex.EncodeToString(sum.Sum(nil))
	if err := keep(tmp.Name(), filepath.Join(dir, oid[:2], oid[2:4], oid)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", oid, size)
	return err
}

func keep(tmp, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// lfsSmudge gives the content of a pointer where it is at hand, else the pointer.
func lfsSmudge(in io.Reader, out io.Writer) error {
	head := make([]byte, maxPointer)
	n, err := io.ReadFull(in, head)
	head = head[:n]
	if m := pointer.FindSubmatch(head); err != nil && m != nil {
		if f := lfsFind(string(m[1])); f != nil {
			defer f.Close()
			_, err := io.Copy(out, f)
			return err
		}
	}
	_, err = io.Copy(out, io.MultiReader(bytes.NewReader(head), in))
	return err
}

// lfsFind looks in the container's own store and in those of the repository.
func lfsFind(oid string) *os.File {
	stores, _ := filepath.Glob("/.headjack/repo/*/lfs/objects")
	if own, err := lfsStore(); err == nil {
		stores = append(stores, own)
	}
	for _, s := range stores {
		if f, err := os.Open(filepath.Join(s, oid[:2], oid[2:4], oid)); err == nil {
			return f
		}
	}
	return nil
}

// lfsStore is where this container's git directory keeps git-lfs files.
func lfsStore() (string, error) {
	store := filepath.Join(gitDir(), "lfs", "objects")
	return store, os.MkdirAll(store, 0o755)
}

// gitDir is the git directory that git works in. Git runs filters at the top of the worktree.
func gitDir() string {
	dir := os.Getenv("GIT_DIR")
	if dir == "" {
		dir = ".git"
	}
	if b, err := os.ReadFile(dir); err == nil {
		dir = strings.TrimSpace(strings.TrimPrefix(string(b), "gitdir: "))
	}
	return dir
}
