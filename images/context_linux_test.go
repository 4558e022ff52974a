package images

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	bkclient "github.com/moby/buildkit/client"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
	"golang.org/x/sys/unix"
)

// TestWhatAContextSends: the engine gets of a context what docker build sends, which walks it by path: the same files in the same
// order, with the same modes, owners, times, attributes and links.
func TestWhatAContextSends(t *testing.T) {
	dir := t.TempDir()
	everyKind(t, dir)
	naive, err := fsutil.NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	held := contextFS{root: root, fail: func(err error) { t.Errorf("the build ends: %v", err) }}
	for _, o := range []*fsutil.FilterOpt{
		{},
		{ExcludePatterns: []string{"a*", "!a/b", "**/*.log", "!a/keep.log"}},
		{FollowPaths: []string{"link", "to-folder", "deep/*"}},
		{IncludePatterns: []string{"a", "deep/er"}},
	} {
		want, got := sent(t, naive, o), sent(t, held, o)
		if want == "" || got != want {
			t.Errorf("%+v\n--- by path\n%s--- held\n%s", *o, want, got)
		}
	}
}

// TestASecondBuildIsSentNothing: of a context that has not changed the engine is sent names, sizes and times alone, and every step
// is cached. The first build is the control.
func TestASecondBuildIsSentNothing(t *testing.T) {
	b := builderFor(t, t.TempDir())
	dir := t.TempDir()
	everyKind(t, dir)
	const many, size = 500, 4 << 10
	for i := range many {
		write(t, filepath.Join(dir, "a", fmt.Sprint(i)), rand.Text()+strings.Repeat("x", size))
	}
	write(t, filepath.Join(dir, "Dockerfile"), "FROM scratch\nCOPY . /\n")
	src := Source{Kind: KindDockerfile, Dockerfile: filepath.Join(dir, "Dockerfile"), Context: dir, Tree: dir}
	o := BuildOptions{Tag: "headjack/test-" + strings.ToLower(rand.Text()[:8]) + ":latest"}
	t.Cleanup(func() { _ = b.Untag(context.Background(), o.Tag) })
	var bytes [2]int64
	for i := range bytes {
		res, err := b.Build(t.Context(), src, o, func(st *bkclient.SolveStatus) {
			for _, one := range st.Statuses {
				if strings.HasPrefix(one.ID, "transferring context") {
					bytes[i] = max(bytes[i], one.Current)
				}
			}
		})
		if err != nil || res.Steps == 0 || (res.CachedSteps == res.Steps) != (i == 1) {
			t.Errorf("build %d: %d of %d steps cached, %v", i, res.CachedSteps, res.Steps, err)
		}
	}
	if bytes[0] < many*size || bytes[1] > many*size/10 {
		t.Errorf("%d bytes are sent, and then %d", bytes[0], bytes[1])
	}
}

// everyKind makes one of each kind of what can lie in a folder.
func everyKind(t *testing.T, dir string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, d := range []string{"a/b", "a.d", "deep/er/est", "empty", "sticky"} {
		if err := os.MkdirAll(at(d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"Dockerfile", ".dockerignore", "a/f", "a/keep.log", "a/b/x.log", "a/b/y", "a-b", "a0", "deep/er/est/f", "deep/z", "run", "own", "z\nnew line", "ü", "-"} {
		write(t, at(f), "content of "+f)
	}
	err := errors.Join(
		os.Chmod(at("run"), 0o755|fs.ModeSetuid), os.Chmod(at("own"), 0o400), os.Chmod(at("sticky"), 0o777|fs.ModeSticky),
		os.Symlink("a/f", at("link")), os.Symlink("a", at("to-folder")), os.Symlink("nowhere", at("deep/dangling")),
		os.Symlink("/etc/hostname", at("deep/absolute")), os.Symlink("../../..", at("deep/er/out")), os.Symlink("self", at("self")),
		os.Link(at("a/f"), at("hard")), os.Link(at("a/f"), at("deep/hard")), syscall.Mkfifo(at("fifo"), 0o640),
		syscall.Mknod(at("socket"), syscall.S_IFSOCK|0o755, 0),
	)
	if err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]string{"a/f": "a file", "deep": "a folder"} {
		if err := unix.Setxattr(at(name), "user.test", []byte(of), 0); err != nil && !errors.Is(err, unix.ENOTSUP) { // not every file system has them
			t.Fatal(err)
		}
	}
}

// content is what is sent of a file: nothing of one that cannot be opened.
func content(all fsutil.FS, path string) []byte {
	f, err := all.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	return append(text, fmt.Sprint(err)...)
}

// sent is all that is told of a context.
func sent(t *testing.T, all fsutil.FS, o *fsutil.FilterOpt) string {
	t.Helper()
	filtered, err := fsutil.NewFilterFS(all, o)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	err = fsutil.WithHardlinkReset(filtered).Walk(t.Context(), "/", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		st, ok := fi.Sys().(*types.Stat)
		if !ok {
			return fmt.Errorf("no information on %s", path)
		}
		fmt.Fprintf(&b, "%q %v", path, st)
		if fi.Mode().IsRegular() {
			fmt.Fprintf(&b, " %q", content(filtered, path))
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return b.String()
}
