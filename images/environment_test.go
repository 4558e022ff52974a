package images

import (
	"path/filepath"
	"slices"
	"testing"
)

// newEnvironment is a look at what an environment is made from.
func newEnvironment(t *testing.T, files map[string]string) *look {
	l := &look{T: t, dir: t.TempDir()}
	for name, text := range files {
		l.write(name, text)
	}
	src := Source{Kind: KindDockerfile, Dockerfile: filepath.Join(l.dir, "Dockerfile"), Context: l.dir}
	l.told, l.all = NewEnvironment(src, BuildOptions{}), NewEnvironment(src, BuildOptions{})
	l.last = l.sum(nil)
	return l
}

const project = `FROM a AS deps
ARG LOCK=lock
COPY package.json ${LOCK}.json tools /app/
RUN --mount=type=bind,source=go.mod,target=/go.mod --mount=type=bind,target=/all x
ADD vendor.tar /vendor
COPY *.toml req[s].txt /app/
FROM a AS other
COPY unread /
FROM a
COPY --from=deps /app /app
COPY --parents cmd/main.go web/*.ts /
COPY conf link later dist /etc/
COPY <<E /hello
hi
E
COPY . .
`

func TestEnvironmentIsWhatIsNamedOneByOne(t *testing.T) {
	l := newEnvironment(t, map[string]string{
		"Dockerfile": project, ".dockerignore": "**/*.log\nconf.log\n", "package.json": "1", "lock.json": "1", "tools/t": "1", "go.mod": "1",
		"vendor.tar": "1", "a.toml": "1", "reqs.txt": "1", "unread": "1", "cmd/main.go": "1", "cmd/other.go": "1", "web/x.ts": "1", "conf/c": "1",
		"target": "1", "dist/d": "1", "README": "1",
	})
	l.sh("ln -s target link")
	l.changes(true, "a link that was missing", "link")
	for _, c := range []struct {
		what, name string
		want       bool
	}{
		{"a file that is copied", "package.json", true},
		{"one whose name a variable has", "lock.json", true},
		{"a folder beside them", "tools/t", false},
		{"a file that is mounted", "go.mod", true},
		{"an archive", "vendor.tar", true},
		{"a file of a pattern", "a.toml", false},
		{"a file of a pattern that can only be one", "reqs.txt", false},
		{"what another stage reads", "unread", false},
		{"a file that is copied with its folders", "cmd/main.go", true},
		{"the one beside it", "cmd/other.go", false},
		{"a pattern below folders", "web/x.ts", false},
		{"a folder", "conf/c", false},
		{"a new file in it", "conf/new", false},
		{"a new folder in it", "conf/deep/new", false},
		{"the target of a link", "target", true},
		{"a file of all that is copied", "README", false},
		{"a rule of .dockerignore", ".dockerignore", true},
		{"a file that comes to be", "later", true},
	} {
		l.write(c.name, "22")
		l.changes(c.want, c.what, c.name, c.name+"~")
	}
	for _, c := range []struct {
		what, script, name string
		want               bool
	}{
		{"a folder that goes", "rm -r dist", "dist", false},
		{"and comes back with other content", "mkdir dist; echo 2 > dist/d2", "dist", false},
		{"a file in the place of a folder", "rm -r dist; echo 1 > dist", "dist", true},
		{"a folder in its place again", "rm dist; mkdir dist; echo 1 > dist/d", "dist", true},
		{"a link that turns to a folder", "ln -sfn conf link", "link", true},
		{"what is in that folder", "echo 3 > conf/c", "conf/c", false},
		{"a mode", "chmod +x package.json", "package.json", true},
		{"a file that goes", "rm go.mod", "go.mod", true},
		{"a folder that a pattern has", "mkdir more.toml", "more.toml", false},
	} {
		l.sh(c.script)
		l.changes(c.want, c.what, c.name)
	}
}

func TestEnvironmentIsTheText(t *testing.T) {
	l := newEnvironment(t, map[string]string{"Dockerfile": "FROM a\nCOPY . /\n", "x": "1"})
	for _, c := range []struct {
		what, text string
		want       bool
	}{
		{"a comment", "FROM a\n# hello\nCOPY . /\n", false},
		{"a file that is named now", "FROM a\nCOPY x /\nCOPY . /\n", true},
		{"another frontend", "# syntax=example.com/other\nWHATEVER\n", true},
		{"a line of it", "# syntax=example.com/other\nWHATEVER ELSE\n", true},
		{"nonsense", "FRM a\n", true},
	} {
		l.write("Dockerfile", c.text)
		l.changes(c.want, c.what, "Dockerfile")
		l.write("y", c.text)
		l.changes(false, c.what+": a file beside", "y")
	}
}

// TestFoldersOfNoNamedFileAreNotWatched counts the folders of a project all of which is copied.
func TestFoldersOfNoNamedFileAreNotWatched(t *testing.T) {
	l := newEnvironment(t, map[string]string{
		"Dockerfile": "FROM a\nCOPY web/package.json /\nCOPY a/b/folder /\nCOPY later/x /\nCOPY . /\n", "web/package.json": "1", "a/b/folder/c/d": "1", "src/deep/x": "1",
	})
	want := []string{l.dir, l.dir + "/a/b", l.dir + "/web"}
	if got := l.told.Folders(); !slices.Equal(got, want) {
		t.Fatalf("watched are %v", got)
	}
}
