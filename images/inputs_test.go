package images

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// look is one context whose inputs are watched by two: one that is told what changed, one that always scans.
type look struct {
	*testing.T
	dir       string
	told, all *Inputs
	last      string
}

func newLook(t *testing.T, files map[string]string) *look {
	l := &look{T: t, dir: t.TempDir()}
	for name, text := range files {
		l.write(name, text)
	}
	src := Source{Kind: KindDockerfile, Dockerfile: filepath.Join(l.dir, "Dockerfile"), Context: l.dir}
	l.told, l.all = NewInputs(src, BuildOptions{}), NewInputs(src, BuildOptions{})
	l.last = l.sum(nil)
	return l
}

func (l *look) write(name, text string) {
	l.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.Fatal(err)
	}
	if err := os.WriteFile(path+"~", []byte(text), 0o644); err != nil { // as editors save
		l.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		l.Fatal(err)
	}
}

func (l *look) sh(script string) {
	l.Helper()
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = l.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		l.Fatalf("%s: %v %s", script, err, out)
	}
}

// sum asks both, which must agree.
func (l *look) sum(changed []string) string {
	l.Helper()
	for i := range changed {
		changed[i] = filepath.Join(l.dir, changed[i])
	}
	if l.told.files == nil {
		changed = nil
	}
	told, err := l.told.Sum(l.Context(), changed)
	if err != nil {
		l.Fatal(err)
	}
	all, err := l.all.Sum(l.Context(), nil)
	if err != nil {
		l.Fatal(err)
	}
	if told != all {
		l.Fatalf("who is told of %v sees other inputs than who looks at all", changed)
	}
	return told
}

// changes says whether what was done to the files named changes the sum.
func (l *look) changes(want bool, what string, changed ...string) {
	l.Helper()
	now := l.sum(changed)
	if (now != l.last) != want {
		l.Fatalf("%s: changed is %v, want %v", what, now != l.last, want)
	}
	l.last = now
}

const twoStages = `FROM a AS build
COPY src /src
RUN --mount=type=bind,source=tools,target=/t x   &&   y
FROM b
ARG F=conf
COPY --from=build /out /out
COPY ${F}/*.txt link /etc/
ADD https://example.com/x /x
COPY <<E /hello
hi
E
FROM c AS other
COPY unread /
FROM b
COPY --from=build /out /out
COPY ${F:-conf}/*.txt link /etc/
`

func TestInputsAreWhatABuildReads(t *testing.T) {
	l := newLook(t, map[string]string{
		"Dockerfile": twoStages, ".dockerignore": "# no\n**/*.log\nsrc/skip\n!src/skip/not\n", "src/a": "1", "src/deep/b": "2",
		"tools/t": "3", "conf/a.txt": "4", "conf/a.bin": "5", "unread/u": "6", "target": "7",
	})
	l.sh("ln -s target link")
	l.changes(true, "a link that was missing", "link")
	for _, c := range []struct {
		what, name, text string
		want             bool
	}{
		{"a file that is copied", "src/a", "11", true},
		{"the same again", "src/a", "11", false},
		{"its first content", "src/a", "1", true},
		{"a new file in a folder that is copied", "src/deep/new", "1", true},
		{"a new folder", "src/d2/d3/new", "1", true},
		{"an ignored file", "src/x.log", "1", false},
		{"a folder that is ignored", "src/skip/x", "1", false},
		{"but for one in it", "src/skip/not", "1", true},
		{"a file that is mounted", "tools/t", "33", true},
		{"a file that a glob has", "conf/b.txt", "1", true},
		{"one that it has not", "conf/a.bin", "55", false},
		{"what another stage reads", "unread/u", "66", false},
		{"the target of a link", "target", "77", true},
		{"a file beside", "README", "1", false},
		{"a comment of .dockerignore", ".dockerignore", "# yes\n**/*.log\nsrc/skip\n!src/skip/not\n", false},
		{"a rule of .dockerignore", ".dockerignore", "src/skip\n!src/skip/not\n", true},
		{"git's own", ".git/index", "1", false},
	} {
		l.write(c.name, c.text)
		l.changes(c.want, c.what, c.name, c.name+"~")
	}
	l.sh("rm -r src/d2")
	l.changes(true, "a folder deleted", "src/d2")
	l.sh("mv src src2")
	l.changes(true, "all of it gone", "src", "src2")
	l.sh("mv src2 src")
	l.changes(true, "and back", "src", "src2")
	l.sh("chmod +x src/a")
	l.changes(true, "a mode", "src/a")
	l.sh("ln -sf conf link")
	l.changes(true, "a link turned elsewhere", "link")
}

func TestLayoutIsNoInput(t *testing.T) {
	l := newLook(t, map[string]string{"Dockerfile": twoStages, "src/a": "1", "conf/a.txt": "4", "tools/t": "3", "link": "l"})
	edit := func(old, now string) string { return strings.Replace(twoStages, old, now, 1) }
	for _, c := range []struct {
		what, text string
		want       bool
	}{
		{"a comment", "# hello\n" + twoStages, false},
		{"blanks", edit("x   &&   y", "x && \\\n    y"), false},
		{"a keyword's case", edit("FROM a", "from a"), false},
		{"a stage that nothing needs", edit("COPY unread /", "COPY nothing /"), false},
		{"a command", edit("x   &&", "z &&"), true},
		{"back", twoStages, true},
		{"blanks in quotes", edit("x   &&   y", "echo 'a  b'"), true},
		{"more of them", edit("x   &&   y", "echo 'a   b'"), true},
		{"a label", twoStages + "LABEL a=b\n", true},
		{"a heredoc that nothing needs", edit("hi\n", "ho\n") + "LABEL a=b\n", false},
	} {
		l.write("Dockerfile", c.text)
		l.changes(c.want, c.what, "Dockerfile")
	}
	l.write("Dockerfile", "FRM a\n")
	l.changes(true, "nonsense", "Dockerfile")
	l.write("Dockerfile", "FRM b\n")
	l.changes(true, "other nonsense", "Dockerfile")
}

func TestInputsOfLinkedDockerfile(t *testing.T) {
	l := newLook(t, map[string]string{"Dockerfile": "FROM a\nCOPY x /\n", "x": "1"})
	l.sh("mkdir -p one two; mv Dockerfile two/D; ln -s ../two/D one/D; ln -s one/D Dockerfile")
	l.changes(false, "links to the same", "Dockerfile")
	for _, want := range []string{l.dir, l.dir + "/one", l.dir + "/two"} {
		if !slices.Contains(l.told.Folders(), want) {
			t.Errorf("%s is not watched: %v", want, l.told.Folders())
		}
	}
	l.write("two/D.dockerignore", "x\n")
	l.changes(true, "an ignore file beside the real one", "two/D.dockerignore")
}

func TestFoldersThatNobodyReadsAreNotWatched(t *testing.T) {
	files := map[string]string{"Dockerfile": "FROM a\nCOPY src /\nCOPY later/x /\n", "src/a/b/c": "1", ".dockerignore": "src/no\n"}
	for i := range 50 {
		files[fmt.Sprintf("node_modules/%d/x", i)] = ""
		files[fmt.Sprintf("src/no/%d/x", i)] = ""
	}
	l := newLook(t, files)
	want := []string{l.dir, l.dir + "/src", l.dir + "/src/a", l.dir + "/src/a/b"}
	if got := l.told.Folders(); !slices.Equal(got, want) {
		t.Fatalf("watched are %v", got)
	}
}

func TestInputsOfAnUnknownFrontend(t *testing.T) {
	l := newLook(t, map[string]string{"Dockerfile": "# syntax=example.com/other\nWHATEVER\n", "any": "1"})
	l.write("any", "2")
	l.changes(true, "any file", "any")
	l.write("Dockerfile", "# syntax=example.com/other\n# c\nWHATEVER\n")
	l.changes(true, "any line", "Dockerfile")
}

// TestSavesInOneTickOfTheClock saves a file twice, to the same length and with the same time. Only a file that has not changed
// for a while is known by its time.
func TestSavesInOneTickOfTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in which no time passes
		l := newLook(t, map[string]string{"Dockerfile": "FROM a\nCOPY f /\n", "f": "0"})
		now := time.Now()
		save := func(text string) {
			l.write("f", text)
			if err := os.Chtimes(filepath.Join(l.dir, "f"), now, now); err != nil {
				t.Fatal(err)
			}
		}
		save("1")
		l.changes(true, "the first save")
		save("2")
		l.changes(true, "the second save")
		time.Sleep(time.Second)
		l.changes(false, "a look at what has settled")
		save("3")
		l.changes(false, "a save that hides its time")
	})
}
