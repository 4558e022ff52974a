package vscode

import (
	"archive/zip"
	"bytes"
	"debug/buildinfo"
	"encoding/xml"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// audit asks the registry for known weaknesses of what the extension is built from.
func audit(t *testing.T) {
	out, err := exec.Command("npm", "audit", "--audit-level=low").CombinedOutput()
	if err == nil {
		return
	}
	if bytes.Contains(out, []byte("audit endpoint returned an error")) {
		t.Logf("the registry answers no audit: %s", out)
		return
	}
	t.Errorf("npm audit: %v\n%s", err, out)
}

// server is what a package must have for a platform of vsce's.
type server struct{ os, arch, file string }

var servers = map[string]server{
	"linux-x64":    {"linux", "amd64", "hjk-ls"},
	"linux-arm64":  {"linux", "arm64", "hjk-ls"},
	"darwin-x64":   {"darwin", "amd64", "hjk-ls"},
	"darwin-arm64": {"darwin", "arm64", "hjk-ls"},
	"win32-x64":    {"windows", "amd64", "hjk-ls.exe"},
}

// checkPackage looks into the .vsix of target, which must have the server for it and nothing that is not needed.
func checkPackage(t *testing.T, vsix, target string, want server) {
	t.Helper()
	z, err := zip.OpenReader(vsix)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	files := map[string]*zip.File{}
	for _, f := range z.File {
		files[f.Name] = f
		if strings.Contains(f.Name, "node_modules/") || strings.HasPrefix(f.Name, "extension/src/") || strings.HasPrefix(f.Name, "extension/test") {
			t.Errorf("%s is packaged", f.Name)
		}
	}
	for _, name := range []string{"package.json", "package.nls.json", "l10n/bundle.l10n.json", "readme.md", "changelog.md", "LICENSE.txt", "dist/extension.js", "media/icon.png", "media/activity.svg"} {
		if files["extension/"+name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	var manifest struct {
		Metadata struct {
			Identity struct {
				TargetPlatform string `xml:",attr"`
			}
		}
	}
	if err := xml.Unmarshal(content(t, files["extension.vsixmanifest"]), &manifest); err != nil || manifest.Metadata.Identity.TargetPlatform != target {
		t.Errorf("target is %q (%v)", manifest.Metadata.Identity.TargetPlatform, err)
	}
	if bytes.Contains(content(t, files["extension/readme.md"]), []byte("](media/")) {
		t.Error("a picture of the README has no address")
	}
	bin := files["extension/bin/"+want.file]
	if bin == nil {
		t.Fatalf("no %s", want.file)
	}
	if want.os != "windows" && bin.Mode()&0o111 == 0 {
		t.Errorf("%s cannot be executed: %v", want.file, bin.Mode())
	}
	dir := t.TempDir()
	run(t, nil, "unzip", "-q", vsix, bin.Name, "-d", dir) // under the race detector Go's own takes long for 40 MB
	info, err := buildinfo.ReadFile(filepath.Join(dir, bin.Name))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range info.Settings {
		got[s.Key] = s.Value
	}
	if got["GOOS"] != want.os || got["GOARCH"] != want.arch || got["CGO_ENABLED"] != "0" {
		t.Errorf("the server is for %s/%s, cgo %s", got["GOOS"], got["GOARCH"], got["CGO_ENABLED"])
	}
}

func content(t *testing.T, f *zip.File) []byte {
	t.Helper()
	if f == nil {
		t.Fatal("a file is missing")
	}
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// packages makes the .vsix of every platform in dir, and gives the one for this machine.
func packages(t *testing.T, npm []string, dir string) string {
	t.Helper()
	run(t, npm, "scripts/package", dir)
	for target, want := range servers {
		t.Run("package "+target, func(t *testing.T) { checkPackage(t, filepath.Join(dir, "headjack-"+target+".vsix"), target, want) })
	}
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	return filepath.Join(dir, "headjack-linux-"+arch+".vsix")
}
