//go:build unix

package images

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tonistiigi/fsutil"
)

// swapped is a context in which the folder z becomes a link to a private one once a walk has seen that it is a folder.
type swapped struct {
	dir     string
	private string
}

func newSwapped(t *testing.T) swapped {
	t.Helper()
	s := swapped{t.TempDir(), t.TempDir()}
	write(t, filepath.Join(s.dir, "Dockerfile"), "FROM scratch\nCOPY . /\n")
	write(t, filepath.Join(s.private, "key"), "private")
	if err := os.Mkdir(filepath.Join(s.dir, "z"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "z", "key"), "public")
	return s
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s swapped) swap(t *testing.T, to func(z string) error) {
	t.Helper()
	z := filepath.Join(s.dir, "z")
	if err := errors.Join(os.RemoveAll(z), to(z)); err != nil {
		t.Fatal(err)
	}
}

// read walks a context as an engine has it sent, with the swap in the middle, and tells all that is in it.
func (s swapped) read(t *testing.T, all fsutil.FS, to func(z string) error) (string, error) {
	t.Helper()
	var b strings.Builder
	err := all.Walk(t.Context(), "/", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == "z" {
			s.swap(t, to)
		}
		b.WriteString(path + "\n")
		if e.Type().IsRegular() {
			return s.content(&b, all, path)
		}
		return nil
	})
	return b.String(), err
}

func (s swapped) content(b *strings.Builder, all fsutil.FS, path string) error {
	f, err := all.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(b, f)
	return err
}

func (s swapped) link(z string) error { return os.Symlink(s.private, z) }

// TestFoldersOfAContextThatBecomeLinks has fsutil's own walk by path as its control, which reads the private folder.
func TestFoldersOfAContextThatBecomeLinks(t *testing.T) {
	s := newSwapped(t)
	naive, err := fsutil.NewFS(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := s.read(t, naive, s.link); !strings.Contains(got, "private") {
		t.Errorf("the control: nothing private is read by path either, so this shows nothing: %s", got)
	}
	s = newSwapped(t)
	held := s.open(t)
	if got, err := s.read(t, held, s.link); strings.Contains(got, "private") || strings.Contains(got, "z/key") {
		t.Errorf("%s %v", got, err)
	}
	if f, err := held.Open("z/key"); err == nil {
		if b, err := io.ReadAll(f); err == nil {
			t.Errorf("what became a link was opened: %q", b)
		}
	}
}

// TestFoldersOfAContextThatBecomeFIFOs would hang if it failed, as fsutil's walk of an os.Root does.
func TestFoldersOfAContextThatBecomeFIFOs(t *testing.T) {
	s := newSwapped(t)
	fifo := func(z string) error { return syscall.Mkfifo(z, 0o666) }
	if got, err := s.read(t, s.open(t), fifo); strings.Contains(got, "z/key") {
		t.Errorf("%s %v", got, err)
	}
}

func (s swapped) open(t *testing.T) fsutil.FS {
	t.Helper()
	tree, err := openTree(Source{Kind: KindDockerfile, Dockerfile: filepath.Join(s.dir, "Dockerfile"), Context: s.dir, Tree: s.dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tree.close)
	return contextFS{root: tree.context}
}

// TestWhatABuildRefusesToRead has all that made hjk-ls hang, run out of memory, or read what is not the repository's.
func TestWhatABuildRefusesToRead(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "Dockerfile"), "FROM scratch\n")
	cases := map[string]struct {
		do     func(dir string) error
		reason string
	}{
		"a Dockerfile that is a FIFO":            {func(d string) error { return syscall.Mkfifo(d+"/Dockerfile", 0o666) }, "not a regular file"},
		"a Dockerfile that is a device":          {func(d string) error { return os.Symlink("/dev/zero", d+"/Dockerfile") }, "leads out of"},
		"a Dockerfile that is elsewhere":         {func(d string) error { return os.Symlink(outside+"/Dockerfile", d+"/Dockerfile") }, "leads out of"},
		"a Dockerfile of 60 GB":                  {hollow("Dockerfile"), "larger than"},
		"a .dockerignore that is a FIFO":         {func(d string) error { return syscall.Mkfifo(d+"/.dockerignore", 0o666) }, "not a regular file"},
		"a .dockerignore that is a device":       {func(d string) error { return os.Symlink("/dev/zero", d+"/.dockerignore") }, ".dockerignore"},
		"a .dockerignore of 60 GB":               {hollow(".dockerignore"), "larger than"},
		"a Dockerfile's own .dockerignore, FIFO": {func(d string) error { return syscall.Mkfifo(d+"/Dockerfile.dockerignore", 0o666) }, "not a regular file"},
		"a context that is elsewhere":            {func(d string) error { return errors.Join(os.RemoveAll(d+"/sub"), os.Symlink(outside, d+"/sub")) }, "leads out of"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			sub := filepath.Join(dir, "sub")
			if err := os.Mkdir(sub, 0o755); err != nil {
				t.Fatal(err)
			}
			src := Source{Kind: KindDockerfile, Dockerfile: filepath.Join(dir, "Dockerfile"), Context: dir, Tree: dir}
			if strings.Contains(name, "context") {
				src.Context = sub
			}
			if !strings.HasPrefix(name, "a Dockerfile that") {
				write(t, src.Dockerfile, "FROM scratch\nCOPY x /\n")
			}
			if err := c.do(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := NewInputs(src, BuildOptions{}).Sum(t.Context(), nil); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("what it reads: %v; wanted %q", err, c.reason)
			}
			_, err := contentOf(t.Context(), src)
			if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("a build: %v; wanted %q", err, c.reason)
			}
		})
	}
}

// contentOf is what a build is given before the engine is asked.
func contentOf(ctx context.Context, src Source) (fsutil.FS, error) {
	tree, err := openTree(src)
	if err != nil {
		return nil, err
	}
	defer tree.close()
	text, err := tree.dockerfile()
	if err != nil {
		return nil, err
	}
	if _, _, err := tree.tar(ctx, text); err != nil {
		return nil, err
	}
	return tree.files(text)
}

func hollow(name string) func(string) error {
	return func(dir string) error {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		return errors.Join(f.Truncate(60<<30), f.Close())
	}
}

// TestWhatCannotBeSentEndsABuild would wait for ever, or fill the engine's disk, if it failed.
func TestWhatCannotBeSentEndsABuild(t *testing.T) {
	b := builderFor(t, t.TempDir())
	for _, classic := range []bool{false, true} {
		b.classic = classic
		s := newSwapped(t)
		if err := hollow("big")(s.dir); err != nil {
			t.Fatal(err)
		}
		src := Source{Kind: KindDockerfile, Dockerfile: filepath.Join(s.dir, "Dockerfile"), Context: s.dir, Tree: s.dir}
		if _, err := b.Build(t.Context(), src, BuildOptions{Tag: "headjack/test-hollow:latest"}, nil); err == nil || !strings.Contains(err.Error(), "holes") {
			t.Errorf("classic %v: %v", classic, err)
		}
	}
}

// TestHollowFilesOfAContext would fill the engine's disk if it failed.
func TestHollowFilesOfAContext(t *testing.T) {
	s := newSwapped(t)
	if err := hollow("big")(s.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.open(t).Open("big"); err == nil || !strings.Contains(err.Error(), "holes") {
		t.Error(err)
	}
}
