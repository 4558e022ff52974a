package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOnlyCompares knows the commands of git that store no file of the worktree, by their command lines.
func TestOnlyCompares(t *testing.T) {
	for line, want := range map[string]bool{
		"git status": true,
		"/usr/bin/git -C d -c a=b --no-pager diff -- f": true,
		"git --git-dir x --no-optional-locks status":    true,
		"git commit -m add":                             true,
		"git commit -qm x --amend --no-edit":            true,
		"git commit --message x -s":                     true,
		"git commit --author=A":                         true,
		"git commit":                                    true,
		"git commit -a -m x":                            false,
		"git commit -am x":                              false,
		"git commit --all":                              false,
		"git commit -m x f":                             false,
		"git commit -m x -- f":                          false,
		"git commit -i f":                               false,
		"git commit --patch":                            false,
		"git commit --interactive":                      false,
		"git commit --pathspec-from-file=x":             false,
		"git add f":                                     false,
		"git stash":                                     false,
		"git hash-object -w status":                     false,
		"git update-index --add diff":                   false,
		"git -c alias.status=add x":                     false,
		"git":                                           false,
	} {
		if got := onlyCompares([][]string{{"sh", "-c", "x"}, strings.Fields(line), {"git", "status"}}); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
	if onlyCompares([][]string{{"bash"}, {"gitk", "status"}}) {
		t.Error("there is no git")
	}
}

// TestKnownFiles has files that the host knows, in repositories of both kinds, and one that it does not know.
func TestKnownFiles(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			dir := t.TempDir()
			git := func(stdin string, args ...string) string {
				cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
				cmd.Stdin = strings.NewReader(stdin)
				out, err := cmd.Output()
				if err != nil {
					t.Fatal(args, err)
				}
				return strings.TrimSpace(string(out))
			}
			git("", "init", "-q", "--bare", "--object-format="+format)
			id := git("encrypted", "hash-object", "-w", "--stdin")
			t.Setenv("GIT_DIR", dir)
			known := filepath.Join(dir, "known")
			sum := sha256.Sum256([]byte("d/a b.key"))
			if err := errors.Join(os.Mkdir(known, 0o755), os.WriteFile(filepath.Join(known, fmt.Sprintf("%x-%s", sum[:16], id)), []byte("plain"), 0o600)); err != nil {
				t.Fatal(err)
			}
			f := filter{name: "x", file: "d/a b.key", dir: known}
			for _, c := range []struct {
				do       func(io.Reader, io.Writer) error
				in, want string
				fails    bool
			}{
				{f.clean, "plain", "encrypted", false},
				{f.smudge, "encrypted", "plain", false},
				{f.clean, "other", "", true},
				{f.smudge, "other", "", true},
				{f.clean, "", "", false},
				{f.smudge, "", "", false},
				{filter{name: "x", file: "other", dir: known}.clean, "plain", "", true},
			} {
				var out bytes.Buffer
				if err := c.do(strings.NewReader(c.in), &out); (err != nil) != c.fails || out.String() != c.want {
					t.Errorf("%s: of %q: %q, %v", format, c.in, &out, err)
				}
			}
		})
	}
}
