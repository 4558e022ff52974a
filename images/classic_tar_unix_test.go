//go:build unix

package images

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tonistiigi/fsutil"
)

// longer is a context whose files grow between the look at them and their being read.
type longer struct {
	fsutil.FS
	dir string
}

func (g longer) Open(path string) (io.ReadCloser, error) {
	f, err := os.OpenFile(filepath.Join(g.dir, path), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("more")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return nil, err
	}
	return g.FS.Open(path)
}

// TestTarOfFilesThatGrow has the library's own as its control, which fails at the first.
func TestTarOfFilesThatGrow(t *testing.T) {
	s := newSwapped(t)
	all := longer{s.open(t), s.dir}
	if err := fsutil.WriteTar(t.Context(), all, io.Discard); !errors.Is(err, tar.ErrWriteTooLong) {
		t.Errorf("the control: %v", err)
	}
	if err := fsutil.WriteTar(t.Context(), &packed{FS: all, name: "Dockerfile"}, io.Discard); err != nil {
		t.Error(err)
	}
}

// TestTarOfAContext is what an engine without BuildKit is given. A folder that is a link stays one.
func TestTarOfAContext(t *testing.T) {
	dir, private := t.TempDir(), t.TempDir()
	write(t, filepath.Join(private, "key"), "private")
	for _, d := range []string{"a", "out"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "Dockerfile"), "FROM scratch\n")
	write(t, filepath.Join(dir, ".dockerignore"), "out\nDockerfile\n.dockerignore\n")
	write(t, filepath.Join(dir, "a/f"), "content")
	write(t, filepath.Join(dir, "out/f"), "left out")
	if err := errors.Join(os.Symlink(private, filepath.Join(dir, "link")), os.Link(filepath.Join(dir, "a/f"), filepath.Join(dir, "b")), syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o666)); err != nil {
		t.Fatal(err)
	}
	tree, err := openTree(Source{Kind: KindDockerfile, Dockerfile: filepath.Join(dir, "Dockerfile"), Context: dir, Tree: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.close()
	all, name, err := tree.tar(t.Context(), []byte("FROM scratch\n"))
	if err != nil || name != "Dockerfile" {
		t.Fatal(name, err)
	}
	defer all.Close()
	var got []string
	for r := tar.NewReader(all); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil || strings.Contains(string(b), "private") || h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s: %q of %d:%d, %v", h.Name, b, h.Uid, h.Gid, err)
		}
		got = append(got, fmt.Sprintf("%s %c %s", h.Name, h.Typeflag, b))
	}
	slices.Sort(got)
	want := []string{".dockerignore 0 out\nDockerfile\n.dockerignore\n", "Dockerfile 0 FROM scratch\n", "a/ 5 ", "a/f 0 content", "b 1 ", "fifo 6 ", "link 2 "}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	again, _, err := tree.tar(t.Context(), []byte("FROM scratch\n"))
	if err != nil || again.Close() != nil { // nobody reads it: its end is not waited for
		t.Error(err)
	}
}
