package fileuri_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/fileuri"
)

// TestOnlyFilesOfThisMachine: a URI of another machine, or of no file, names no path here.
func TestOnlyFilesOfThisMachine(t *testing.T) {
	for in, want := range map[string]string{
		"file:///home/me/x":                      "/home/me/x",
		"file:///home/caf%E9/%FF%20%25":          "/home/caf\xe9/\xff %",
		"file://localhost/caf%E9":                "/caf\xe9",
		"file:///caf%25E9":                       "/caf%E9",
		"file://localhost/home/me/x":             "/home/me/x",
		"file://LOCALHOST/home/me/x":             "/home/me/x",
		"FILE:///home/me/x":                      "/home/me/x",
		"file:/home/me/x":                        "/home/me/x",
		"file:///home/a%20b/%C3%BC%23%3F":        "/home/a b/ü#?",
		"file:///home/me/../you/./x/":            "/home/you/x",
		"file:///home/me/%2e%2e/%2E%2E/etc/x":    "/etc/x",
		"file:///..%2f..%2fetc/x":                "/etc/x",
		"file://server/home/me/x":                "",
		"file://localhost.evil.com/home/me/x":    "",
		"file://127.0.0.1/home/me/x":             "",
		"file://wsl.localhost/Ubuntu/home/me/x":  "",
		"file://wsl%24/Ubuntu/home/me/x":         "",
		"file:////server/share/x":                "",
		"file:///home/me/x%00.txt":               "",
		"vscode-remote://ssh-remote+h/home/me/x": "",
		"untitled:Untitled-1":                    "",
		"git:/home/me/x?ref=HEAD":                "",
		"http://localhost/home/me/x":             "",
		"/home/me/x":                             "",
		"":                                       "",
	} {
		got, err := fileuri.Path(in)
		if (err == nil) != (want != "") || got != want {
			t.Errorf("%q: %q %v, not %q", in, got, err, want)
		}
		if want == "" && (err == nil || len(err.Error()) < 20) {
			t.Errorf("%q: %v says nothing", in, err)
		}
	}
	_, err := fileuri.Path("file://server/etc/passwd")
	if !errors.Is(err, fileuri.ErrNotLocal) || !strings.Contains(err.Error(), "server") {
		t.Errorf("%v", err)
	}
	if u, err := url.Parse("file://server/etc/passwd"); err != nil || u.Scheme != "file" || u.Path != "/etc/passwd" {
		t.Errorf("the control: the path alone is not one that is here: %v %v", u, err)
	}
}

// TestNamesOfAnyBytes: a URI leads back to the file that it was made for.
func TestNamesOfAnyBytes(t *testing.T) {
	for _, path := range []string{"/a/b", "/caf\xe9/x", "/\xff\xfe #?%", "/%E9", "/caf\u00e9 \u65e5"} {
		if got, err := fileuri.Path(fileuri.File(path)); got != path || err != nil {
			t.Errorf("%q: %q %v by %s", path, got, err, fileuri.File(path))
		}
	}
}
