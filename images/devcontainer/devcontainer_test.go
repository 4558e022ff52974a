package devcontainer

import (
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	f, err := Parse([]byte("\uFEFF" + `// what people write
{
	"name": "x", "customizations": {"vscode": {"extensions": ["a.b",]}},
	/* both */ "image": "debian:12",
	"build": {"dockerfile": "../Dockerfile", "context": "..", "target": "dev", "args": {"V": "1"}, "cacheFrom": "x",},
	"features": {"ghcr.io/x/y:1": {}},
	"forwardPorts": [3000, "localhost:8000", "db:5432"], "appPort": ["8080:80"],
	"containerEnv": {"A": "1"}, "remoteEnv": {"B": "${containerEnv:PATH}:/x", "C": null},
	"postCreateCommand": ["npm", "ci"], "onCreateCommand": {"b": "echo b", "a": ["true"]},
	"mounts": ["source=/a,target=/b,type=bind,readonly", {"type": "volume", "source": "v", "target": "/v"}],
	"runArgs": ["--init", "--cap-add", "SYS_PTRACE"], "privileged": true, "capAdd": ["NET_RAW"],
	"initializeCommand": "rm -rf /", "sparkle": 1,
}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &File{
		Build: &Build{Dockerfile: "../Dockerfile", Context: "..", Target: "dev", Args: map[string]string{"V": "1"}},
		Ports: []Port{{3000, 3000}, {8000, 8000}, {80, 8080}}, ContainerEnv: map[string]string{"A": "1"},
		RemoteEnv: map[string]string{"B": "${containerEnv:PATH}:/x"}, Unset: []string{"C"},
		Setup:   [][]string{{"exec 'true'"}, {"echo b"}, {"npm", "ci"}},
		Mounts:  []Mount{{"bind", "/a", "/b", true}, {"volume", "v", "/v", false}},
		RunArgs: []string{"--init", "--cap-add", "SYS_PTRACE", "--privileged", "--cap-add=NET_RAW"},
	}
	var keys []string
	for _, n := range f.NotTaken {
		keys = append(keys, n.Key)
	}
	if got := strings.Join(keys, " "); got != "build.cacheFrom features forwardPorts db:5432 initializeCommand sparkle" {
		t.Errorf("not taken: %s", got)
	}
	if f.NotTaken = nil; !reflect.DeepEqual(f, want) {
		t.Errorf("got  %+v\nwant %+v", f, want)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"{\n \"image\": 1\n}":                      `2:11: image: want a string, not number`,
		"{\n \"build\": {\"args\": {\"A\": 1}} }":  `2:11: build: want args to be a string, not number`,
		"{\n \"image\": \"a\"\n \"name\": \"b\" }": `3:2: `,
		"[]":                             `1:1: want an object`,
		"":                               `1:1: `,
		"{\"runArgs\": {}}":              `1:13: runArgs: want a list, not object`,
		"{\"postCreateCommand\": [1]}":   `1:23: postCreateCommand: want a string, a list of strings`,
		"{\"mounts\": [\"type=bind\"]}":  `1:12: mounts: "type=bind" has no target`,
		"{\"forwardPorts\": [\"x\"]}":    `1:18: forwardPorts: "x" is no port`,
		strings.Repeat("[", maxNested+1): `it has 10001 lists and objects`,
		strings.Repeat(" ", MaxSize+1):   `it has 262145 bytes of at most`,
	} {
		_, err := Parse([]byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %s", text, err, want)
		}
	}
}

func TestExpand(t *testing.T) {
	t.Setenv("SECRET", "leak")
	v := Variables{Folder: "/w/tree", ID: "id", Env: map[string]string{"PATH": "/bin"}}
	got, hidden := v.Expand("${localWorkspaceFolder} ${localWorkspaceFolderBasename} ${containerWorkspaceFolder}/x ${localEnv:SECRET} ${localEnv:U:me} ${containerEnv:PATH} ${containerEnv:NO:d} ${devcontainerId} ${other} $HOME")
	if want := "/w/tree tree /w/tree/x  me /bin d id ${other} $HOME"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if strings.Join(hidden, " ") != "${localEnv:SECRET} ${localEnv:U}" {
		t.Errorf("hidden: %q", hidden)
	}
}
