package images

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lay writes files into a new folder.
func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const (
	builtHere = `{"build": {"dockerfile": "Dockerfile", "args": {"B": "2", "A": "${localEnv:HOME:none}"}, "target": "dev"}}`
	anImage   = `{"image": "debian:12"}`
	noImage   = `{"dockerComposeFile": "compose.yaml"}`
)

func TestDiscoverDevcontainer(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string // kind, then the file or reference
		err   string
	}{
		"goes before a plain Dockerfile":   {map[string]string{"Dockerfile": "", ".devcontainer/devcontainer.json": anImage}, "reference docker.io/library/debian:12", ""},
		"goes behind Dockerfile.dev":       {map[string]string{"Dockerfile.dev": "", ".devcontainer.json": anImage}, "dockerfile Dockerfile.dev", ""},
		"in the top":                       {map[string]string{"Dockerfile": "", ".devcontainer.json": anImage}, "reference docker.io/library/debian:12", ""},
		"the only one with a name":         {map[string]string{".devcontainer/go/devcontainer.json": builtHere}, "dockerfile .devcontainer/go/Dockerfile", ""},
		"the main one goes before names":   {map[string]string{".devcontainer/devcontainer.json": anImage, ".devcontainer/go/devcontainer.json": builtHere}, "reference docker.io/library/debian:12", ""},
		"several names":                    {map[string]string{"Dockerfile": "", ".devcontainer/a/devcontainer.json": anImage, ".devcontainer/b/devcontainer.json": anImage}, "", ".devcontainer/a, .devcontainer/b"},
		"without an image it is passed":    {map[string]string{"Dockerfile": "", ".devcontainer/devcontainer.json": noImage}, "dockerfile Dockerfile", ""},
		"context above":                    {map[string]string{".devcontainer/devcontainer.json": `{"build": {"dockerfile": "../x/Dockerfile", "context": ".."}}`}, "dockerfile x/Dockerfile", ""},
		"old keys":                         {map[string]string{".devcontainer/devcontainer.json": `{"dockerFile": "D", "context": ".."}`}, "dockerfile .devcontainer/D", ""},
		"context out of the worktree":      {map[string]string{".devcontainer/devcontainer.json": `{"build": {"dockerfile": "D", "context": "../.."}}`}, "", "build.context: ../.. leads out of"},
		"Dockerfile out of the worktree":   {map[string]string{".devcontainer/devcontainer.json": `{"build": {"dockerfile": "/etc/passwd"}}`}, "", "build.dockerfile: /etc/passwd leads out of"},
		"not understood":                   {map[string]string{"Dockerfile": "", ".devcontainer/devcontainer.json": "{\n\"image\" 1}"}, "", "devcontainer.json:2:9: "},
		"a variable of the host's is none": {map[string]string{".devcontainer.json": `{"image": "debian:${localEnv:HOME:13}"}`}, "reference docker.io/library/debian:13", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := lay(t, c.files)
			src, _, err := Discover(root)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %+v, %v, want an error with %s", src, err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := string(src.Kind) + " " + src.Ref
			if src.Kind == KindDockerfile {
				rel, _ := filepath.Rel(root, src.Dockerfile)
				got = string(src.Kind) + " " + rel
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestParseDevcontainer(t *testing.T) {
	root := lay(t, map[string]string{
		".devcontainer/devcontainer.json": builtHere, ".devcontainer/Dockerfile": "", ".devcontainer/py/devcontainer.json": anImage,
	})
	dir := filepath.Join(root, ".devcontainer")
	built := Source{
		Kind: KindDockerfile, Dockerfile: filepath.Join(dir, "Dockerfile"), Context: dir, Tree: root,
		Devcontainer: filepath.Join(dir, "devcontainer.json"), Target: "dev", Args: `{"A":"none","B":"2"}`,
	}
	for _, image := range []string{".devcontainer", "./.devcontainer/", ".devcontainer/devcontainer.json", "./.devcontainer/Dockerfile"} {
		if got, err := Parse(image, root); err != nil || got != built {
			t.Errorf("%s: %+v, %v", image, got, err)
		}
	}
	got, err := Parse(".devcontainer/py", root)
	if err != nil || got.Ref != "docker.io/library/debian:12" || got.Devcontainer != filepath.Join(dir, "py", "devcontainer.json") {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = Parse(".devcontainer/rust", root)
	if !errors.Is(err, ErrDockerfileNotFound) || !strings.Contains(err.Error(), "there are .devcontainer/devcontainer.json, .devcontainer/py") {
		t.Errorf("%v", err)
	}
	o, err := BuildOptions{Args: map[string]string{"B": "mine"}}.With(built)
	if err != nil || o.Target != "dev" || o.Args["A"] != "none" || o.Args["B"] != "mine" {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestDevcontainerIsHeld: an agent can put something else in the place of the file.
func TestDevcontainerIsHeld(t *testing.T) {
	outside := lay(t, map[string]string{"secret.json": anImage})
	root := lay(t, map[string]string{".devcontainer/x": ""})
	file := filepath.Join(root, ".devcontainer/devcontainer.json")
	if err := os.Symlink(filepath.Join(outside, "secret.json"), file); err != nil {
		t.Fatal(err)
	}
	if src, _, err := Discover(root); err == nil {
		t.Errorf("a link out of the worktree was followed: %+v", src)
	}
	if err := errors.Join(os.Remove(file), os.WriteFile(file, []byte(strings.Repeat(" ", 1<<20)), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Discover(root); err == nil {
		t.Error("a file of 1 MiB was read")
	}
}
