package main

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// `go install` gives an hjk-ls that works: the helper for containers, which a module cannot carry, is made when it is
// needed. The module comes from a proxy of its own, with what git has of this project.
func TestGoInstall(t *testing.T) {
	// Another one each time: go believes that what it knows of a version stays true.
	version := "v0.0.1-t" + strings.ToLower(rand.Text())
	r := newRig(t)
	source, err := drive.Source()
	if err != nil {
		t.Fatal(err)
	}
	proxy := t.TempDir()
	at := filepath.Join(proxy, "github.com/gilmanlab/hjk-ls/@v")
	tree := filepath.Join(proxy, "tree")
	r.sh("mkdir -p " + at + " " + tree + " && cd " + source + " && git ls-files -co --exclude-standard -z | xargs -0 cp --parents -t " + tree)
	f, err := os.Create(filepath.Join(at, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	if err := zip.CreateFromDir(f, module.Version{Path: "github.com/gilmanlab/hjk-ls", Version: version}, tree); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r.sh("cp " + tree + "/go.mod " + at + "/" + version + ".mod && echo '{\"Version\":\"" + version + "\"}' >" + at + "/" + version + ".info && echo " + version + " >" + at + "/list")

	others, err := exec.Command("go", "env", "GOPROXY", "GOMODCACHE", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	values := strings.Split(strings.TrimSpace(string(others)), "\n")
	t.Setenv("GOPROXY", "file://"+proxy+","+values[0])
	t.Setenv("GONOSUMDB", "github.com/gilmanlab/*")
	t.Setenv("GOFLAGS", "-modcacherw")
	t.Setenv("GOMODCACHE", values[1])
	t.Setenv("GOCACHE", values[2])
	t.Cleanup(func() {
		_ = os.RemoveAll(filepath.Join(values[1], "github.com/gilmanlab/hjk-ls@"+version))
		_ = os.RemoveAll(filepath.Join(values[1], "cache/download/github.com/gilmanlab/hjk-ls"))
	})
	bin := filepath.Join(proxy, "bin")
	r.sh("GOBIN=" + bin + " go install github.com/gilmanlab/hjk-ls/cmd/hjk-ls@" + version)
	r.Bin = filepath.Join(bin, "hjk-ls")
	if out := r.hjk("version"); !strings.Contains(out, version) {
		t.Errorf("version: %s", out)
	}
	r.hjk("run", "x", "--detach")
	if i := r.x(); i.State != "running" || len(i.Sessions) != 1 {
		t.Fatalf("%+v", i)
	}
	r.hjk("rm", "x")
}
