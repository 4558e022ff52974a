package workspace

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := name
	if !filepath.IsAbs(name) {
		path = filepath.Join(t.TempDir(), name)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadConfig(t *testing.T) {
	user := write(t, "config.yaml", "agent: claude\npull: always\nbuild: {target: user, args: {A: '1'}}\nworktrees: /w\n")
	repo := write(t, ".headjack.yaml", "image: ./Dockerfile.dev\nbuild:\n  target: dev\n  ssh: default\n  secrets: [npmrc]\nresources: {memory: 4g, cpus: 1.5, pids: 512}\nports: [3000]\nagents:\n  review: {command: [bash, ./review.sh], resume: [--continue], env: {X: '1'}}\n")
	c, values, err := LoadConfig(Layers{UserFile: user, RepoFile: repo, Editor: json.RawMessage(`{"pull":"never","image":null}`), Allowed: func(Ask) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Image: "./Dockerfile.dev", Agent: "claude", Pull: "never", Recreate: "ask", Clipboard: "write", Network: "default", Worktrees: "/w", Ports: []Port{{Container: 3000, Host: 3000}},
		Agents:    map[string]Agent{"review": {Command: []string{"bash", "./review.sh"}, Resume: []string{"--continue"}, Env: map[string]string{"X": "1"}, Repository: true}},
		Build:     Build{On: "environment", Target: "dev", Args: map[string]string{"A": "1"}, SSH: []string{"default"}, Secrets: []string{"npmrc"}},
		Security:  Security{NoNewPrivileges: true},
		Resources: Resources{Memory: 4 << 30, CPUs: 1.5, Pids: 512},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	from := map[string]string{}
	for _, v := range values {
		from[v.Key] = v.Source
		if v.Key == "build.target" && (v.File != repo || v.Line != 3) {
			t.Errorf("build.target is said to be from %s:%d", v.File, v.Line)
		}
	}
	for key, source := range map[string]string{"agent": "user", "pull": "editor", "image": "repository", "recreate": "default"} {
		if from[key] != source {
			t.Errorf("%s is from %q, not %q", key, from[key], source)
		}
	}
}

func TestBadConfig(t *testing.T) {
	for text, want := range map[string]string{
		"imgae: x":                      `:1:1: unknown key "imgae"`,
		"agent: shell\npull: sometimes": `:2:7: pull: "sometimes" is not one of missing, always, never`,
		"build:\n  tarrget: x":          `:2:3: build: unknown key "tarrget"`,
		"resources: {memory: lots}":     `:1:21: resources.memory: "lots" is not a size`,
		"resources: {cpus: -1}":         "is not a number of CPUs",
		"ports: [99999]":                `"99999" is not a port`,
		"agents: {x: {comand: [a]}}":    `agents: x: unknown key "comand"`,
		"agents: {'a b': {}}":           "is not a name",
		"agents: {x: {prompt: [-p]}}":   `agents: x: prompt: {prompt} must stand where the prompt belongs`,
		"image: [a]":                    "want a string",
		"- a":                           "want an object",
		"a: b: c":                       "mapping values",
		"image: a\nimage: b":            `"image" is there twice`,
		"worktrees: relative/path":      "not an absolute path",
	} {
		_, _, err := LoadConfig(Layers{RepoFile: write(t, ".headjack.yaml", text)})
		var ce *ConfigError
		if !errors.As(err, &ce) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, _, err := LoadConfig(Layers{RepoFile: t.TempDir()}); err == nil {
		t.Error("a folder was read as a file")
	}
	if _, _, err := LoadConfig(Layers{RepoFile: write(t, "empty", "")}); err != nil {
		t.Error(err)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("image: x\nagents: {a: {command: [b]}}")
	f.Add("&a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		_, _, _ = LoadConfig(Layers{Editor: json.RawMessage(text)})
	})
}
