package devcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// editors are keys for the editor that opens a folder, and those that say what hjk-ls does anyway: they are passed over in silence.
var editors = []string{
	"$schema", "name", "customizations", "extensions", "settings", "devPort", "portsAttributes", "otherPortsAttributes",
	"shutdownAction", "overrideCommand", "updateRemoteUserUID", "init",
}

// instead says of keys that are not taken what to do, or what hjk-ls does.
var instead = map[string]string{
	"features":                    "have a Dockerfile install what they would; hjk-ls init writes a first one",
	"dockerComposeFile":           "an instance is one container; name an image or a build",
	"service":                     "",
	"overrideFeatureInstallOrder": "",
	"runServices":                 "",
	"initializeCommand":           "it would run on the host",
	"postStartCommand":            "put it into the image's or the agent's command",
	"postAttachCommand":           "put it into the agent's command",
	"workspaceFolder":             "the worktree has the same path inside as outside",
	"workspaceMount":              "the worktree has the same path inside as outside",
	"remoteUser":                  "sessions run as you, by your number",
	"containerUser":               "sessions run as you, by your number",
	"userEnvProbe":                "sessions have the image's environment",
	"hostRequirements":            "",
	"secrets":                     "give them to sessions by env or envFile of your own settings",
	"waitFor":                     "an agent starts when the whole setup has ended",
	"build.cacheFrom":             "the engine's own build cache is used",
	"build.options":               "set build in .headjack.yaml",
}

// take takes one key of the file. An error is of its value alone.
func (f *File) take(key string, raw []byte) error {
	if string(raw) == "null" || slices.Contains(editors, key) {
		return nil
	}
	switch key {
	case "image":
		return json.Unmarshal(raw, &f.Image)
	case "build":
		return f.takeBuild(raw)
	case "dockerFile", "context": // where they stood before there was build
		return f.takeOldBuild(key, raw)
	case "forwardPorts", "appPort":
		return f.takePorts(key, raw)
	case "containerEnv":
		return json.Unmarshal(raw, &f.ContainerEnv)
	case "remoteEnv":
		return f.takeRemoteEnv(raw)
	case "onCreateCommand":
		return f.takeCommand(0, raw)
	case "updateContentCommand":
		return f.takeCommand(1, raw)
	case "postCreateCommand":
		return f.takeCommand(2, raw)
	case "mounts":
		return f.takeMounts(raw)
	case "runArgs", "privileged", "capAdd", "securityOpt":
		return f.takeFlags(key, raw)
	}
	why, known := instead[key]
	if !known {
		why = "not known to hjk-ls"
	}
	f.not(key, why)
	return nil
}

func (f *File) not(key, why string) { f.NotTaken = append(f.NotTaken, NotTaken{key, why}) }

func (f *File) build() *Build {
	if f.Build == nil {
		f.Build = &Build{}
	}
	return f.Build
}

func (f *File) takeBuild(raw []byte) error {
	var b struct {
		Dockerfile *string           `json:"dockerfile"`
		Context    *string           `json:"context"`
		Target     *string           `json:"target"`
		Args       map[string]string `json:"args"`
		CacheFrom  any               `json:"cacheFrom"`
		Options    any               `json:"options"`
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return err
	}
	for _, field := range []struct{ from, to *string }{
		{b.Dockerfile, &f.build().Dockerfile}, {b.Context, &f.build().Context}, {b.Target, &f.build().Target},
	} {
		if field.from != nil {
			*field.to = *field.from
		}
	}
	f.build().Args = b.Args
	if b.CacheFrom != nil {
		f.not("build.cacheFrom", instead["build.cacheFrom"])
	}
	if b.Options != nil {
		f.not("build.options", instead["build.options"])
	}
	return nil
}

func (f *File) takeOldBuild(key string, raw []byte) error {
	to := &f.build().Dockerfile
	if key == "context" {
		to = &f.build().Context
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if *to == "" { // build says it too, and is the newer word
		*to = s
	}
	return nil
}

func (f *File) takePorts(key string, raw []byte) error {
	for _, one := range listed(raw) {
		word := strings.Trim(string(one), `"`)
		word = strings.TrimPrefix(strings.TrimPrefix(word, "localhost:"), "127.0.0.1:")
		host, inside, mapped := strings.Cut(word, ":")
		if !mapped {
			inside = host
		}
		h, notNumber := strconv.Atoi(host)
		if mapped && (key == "forwardPorts" || notNumber != nil) {
			f.not(key+" "+word, "of another host than the container")
			continue
		}
		c, err := strconv.Atoi(inside)
		if err != nil || notNumber != nil || c < 1 || c > 65535 || h < 1 || h > 65535 {
			return fmt.Errorf("%s is no port from 1 to 65535; write 3000 or \"localhost:3000\"", one)
		}
		if p := (Port{c, h}); !slices.Contains(f.Ports, p) {
			f.Ports = append(f.Ports, p)
		}
	}
	return nil
}

// listed are the elements of a list; what is none is its only one.
func listed(raw []byte) []json.RawMessage {
	var all []json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return []json.RawMessage{raw}
	}
	return all
}

func (f *File) takeRemoteEnv(raw []byte) error {
	var env map[string]*string
	if err := json.Unmarshal(raw, &env); err != nil {
		return err
	}
	f.RemoteEnv = map[string]string{}
	for name, v := range env {
		if v == nil {
			f.Unset = append(f.Unset, name)
			continue
		}
		f.RemoteEnv[name] = *v
	}
	slices.Sort(f.Unset)
	return nil
}

// takeCommand takes a line of a shell, the words of a command, or an object of several of them, which are run in the order of their
// names and not side by side.
func (f *File) takeCommand(rank int, raw []byte) error {
	var several map[string]json.RawMessage
	if json.Unmarshal(raw, &several) != nil {
		several = map[string]json.RawMessage{"": raw}
	}
	s := stage{rank: rank}
	for _, name := range sortedKeys(several) {
		words, err := command(several[name])
		if err != nil {
			return err
		}
		if len(words) > 0 {
			s.commands = append(s.commands, words)
		}
	}
	f.order = append(f.order, s)
	return nil
}

func command(raw []byte) ([]string, error) {
	var line string
	if json.Unmarshal(raw, &line) == nil {
		if strings.TrimSpace(line) == "" {
			return nil, nil
		}
		return []string{line}, nil
	}
	var words []string
	if json.Unmarshal(raw, &words) != nil {
		return nil, errors.New("want a string, a list of strings, or an object of those")
	}
	if len(words) == 1 { // one of a single word is a line
		return []string{"exec " + quoted(words[0])}, nil
	}
	return words, nil
}

// quoted is one word of a POSIX shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (f *File) takeMounts(raw []byte) error {
	for _, one := range listed(raw) {
		m, err := mount(one)
		if err != nil {
			return err
		}
		if m.Target == "" {
			return fmt.Errorf("%s has no target; write \"source=…,target=…,type=bind\"", one)
		}
		f.Mounts = append(f.Mounts, m)
	}
	return nil
}

func mount(raw []byte) (m Mount, err error) {
	var line string
	if json.Unmarshal(raw, &line) != nil {
		var o struct {
			Type     string `json:"type"`
			Source   string `json:"source"`
			Target   string `json:"target"`
			ReadOnly bool   `json:"readonly"`
		}
		err = json.Unmarshal(raw, &o)
		return Mount(o), err
	}
	m.Type = "volume"
	for _, field := range strings.Split(line, ",") {
		key, v, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch key {
		case "type":
			m.Type = v
		case "source", "src":
			m.Source = v
		case "target", "dst", "destination":
			m.Target = v
		case "readonly", "ro":
			m.ReadOnly = v == "" || v == "true" || v == "1"
		}
	}
	return m, nil
}

// takeFlags spells what has a key of its own as docker run has it.
func (f *File) takeFlags(key string, raw []byte) error {
	if key == "privileged" {
		var on bool
		if err := json.Unmarshal(raw, &on); err != nil || !on {
			return err
		}
		f.RunArgs = append(f.RunArgs, "--privileged")
		return nil
	}
	var list []string
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	for _, v := range list {
		switch key {
		case "capAdd":
			v = "--cap-add=" + v
		case "securityOpt":
			v = "--security-opt=" + v
		}
		f.RunArgs = append(f.RunArgs, v)
	}
	return nil
}
