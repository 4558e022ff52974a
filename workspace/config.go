package workspace

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// Config is everything a user can set, in .headjack.yaml of the repository, in the user's config.yaml, and in the
// editor; the keys are those of docs/configuration.md.
type Config struct {
	Image     string           // reference, Dockerfile, folder or variant; "" finds a Dockerfile
	Agent     string           // what run starts when nothing is said
	Agents    map[string]Agent // by name
	Build     Build
	Pull      string // missing, always or never
	Recreate  string // ask, auto or never
	Network   string // default, none or a network's name
	Resources Resources
	Security  Security
	Git       Git
	Clipboard string // write or none: whether programs in an attached terminal may copy
	Ports     []Port // published on the host's loopback
	Worktrees string // folder for the worktrees hjk-ls makes
	// Certificates are files of certificate authorities that containers trust beside their own.
	Certificates []string
	Setup        Setup    // what is run in an instance that was made
	Teardown     Commands // what is run before it is removed

	// Notify is the command that is run on the host when an agent waits or ends, which only the user sets.
	Notify []string
	Own

	Denied []Ask // what the repository's file wanted and did not get
}

// Agent is a program a session can run.
type Agent struct {
	Command []string // of an agent that hjk-ls knows by itself it may be left out
	Args    []string // after Command, or the known agent's own
	// Prompt are the arguments that a prompt is given by, after all others, with [PromptMark] in the prompt's place. nil is the known
	// agent's own way, and for others the prompt alone; an empty one is an agent that takes none.
	Prompt []string
	Env    map[string]string
	Resume []string // arguments that make it go on where it was; nil is the known agent's own

	Repository bool // the repository's file says so, and not the user
}

// PromptMark stands for the prompt in the arguments of an Agent.
const PromptMark = "{prompt}"

// Build is how a Dockerfile is built.
type Build struct {
	On       string // BuildManual, BuildEnvironment or BuildInputs
	Target   string
	Args     map[string]string
	Secrets  []string // NAME, id=NAME,src=FILE or id=NAME,env=VARIABLE
	SSH      []string // default or id=path
	Platform string   // os/arch[/variant]
}

// Security is what a container may do beyond what agents need.
type Security struct {
	NoNewPrivileges bool     // set-user-ID programs such as sudo give nothing
	Capabilities    []string // kept beside the few that are, such as NET_RAW
}

// Git is which of the host's credentials git inside may use.
type Git struct {
	SSH   bool   // the ssh agent
	Token string // the variable of the host that holds a token for the HTTP remotes
}

// Resources bound a container; zero is no limit.
type Resources struct {
	Memory int64 // bytes
	CPUs   float64
	Pids   int64
}

// Value is one setting and where it came from.
type Value struct {
	Key    string // such as build.target
	Value  any
	Source string // default, user, repository, editor or folder
	File   string // of user and repository
	Line   int    // from 1
}

// Layers are the places settings come from, weakest first: defaults, UserFile, RepoFile, Editor. RepoFile, which an agent
// can write, is let in only as far as each key's direction says.
type Layers struct {
	RepoFile, UserFile string
	Editor             json.RawMessage // the editor's "headjack" object, the same keys
	Folder             json.RawMessage // those that the editor has from a file of the folder: it is the repository's, as RepoFile is
	// Allowed reports whether the user has agreed to an Ask. nil has agreed to none.
	Allowed func(Ask) bool
}

// Ask is what the repository's file wants beyond what holds without it.
type Ask struct {
	Key, Value string
	Own        string // what holds instead; "" for nothing
	// Said is that the user has set the key: then that value holds and nothing else comes of the ask. Where the user has said
	// nothing, whatever depends on the key has to wait for an answer.
	Said bool
}

// String is what the user agrees to, and what is remembered: key=value.
func (a Ask) String() string { return a.Key + "=" + a.Value }

// ConfigError is a setting that is not understood. Line and Column count from 1; they are 0 for the editor's.
type ConfigError struct {
	File         string
	Line, Column int
	Message      string
}

func (e *ConfigError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// editorName stands for a file's path in errors about the editor's settings.
const editorName = "editor settings (headjack)"

// folderName is the same for those of a folder.
const folderName = "the folder's editor settings (headjack)"

// LoadConfig reads all layers strictly: what is not understood is an error that names it.
func LoadConfig(l Layers) (Config, []Value, error) {
	own, values, err := ownConfig(l)
	if err != nil {
		return Config{}, nil, err
	}
	data, err := readOptional(l.RepoFile)
	if err != nil {
		return Config{}, nil, &ConfigError{File: l.RepoFile, Message: err.Error()}
	}
	said := maps.Clone(values)
	for _, layer := range []struct {
		data         []byte
		file, source string
	}{{data, l.RepoFile, "repository"}, {l.Folder, folderName, "folder"}} {
		repo, asked := own, map[string]Value{}
		if err := apply(&repo, asked, layer.data, layer.file, layer.source); err != nil {
			return Config{}, nil, err
		}
		for _, key := range slices.Sorted(maps.Keys(asked)) {
			letIn(l, said[key].Source, &own, &repo, values, asked[key])
		}
	}
	own.Worktrees = expandHome(own.Worktrees)
	own.Certificates = slices.Clone(own.Certificates)
	for i, file := range own.Certificates {
		own.Certificates[i] = expandHome(file)
	}
	if len(own.Notify) > 0 {
		own.Notify = slices.Clone(own.Notify)
		own.Notify[0] = expandHome(own.Notify[0])
	}
	out := make([]Value, 0, len(values))
	for _, v := range values {
		out = append(out, v)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return own, out, nil
}

// ownConfig is what holds without the repository's file.
func ownConfig(l Layers) (Config, map[string]Value, error) {
	c := defaults()
	values := map[string]Value{}
	for _, key := range schema.leaves("") {
		if v := schema.at(key).get(&c); v != nil {
			values[key] = Value{Key: key, Value: v, Source: "default"}
		}
	}
	data, err := readOptional(l.UserFile)
	if err != nil {
		return Config{}, nil, &ConfigError{File: l.UserFile, Message: err.Error()}
	}
	if err := apply(&c, values, data, l.UserFile, "user"); err != nil {
		return Config{}, nil, err
	}
	return c, values, apply(&c, values, l.Editor, editorName, "editor")
}

// letIn lets the repository's value of a key into own, whose value is from a source. The editor, which is the user's last word,
// wins over the repository's file; over the user's settings in it a folder's win, as far as they are stricter.
func letIn(l Layers, source string, own, repo *Config, values map[string]Value, v Value) {
	if source == "editor" && v.Source == "repository" {
		return
	}
	was, f := values[v.Key], schema.at(v.Key)
	said := source == "user" || source == "editor"
	ask := func(value string) Ask {
		return Ask{Key: v.Key, Value: value, Own: shown(v.Key, was.Value), Said: said}
	}
	denied := f.merge(own, repo, said, func(value string) bool { return l.Allowed != nil && l.Allowed(ask(value)) })
	for _, value := range denied {
		own.Denied = append(own.Denied, ask(value))
	}
	if now := f.get(own); len(denied) == 0 || !reflect.DeepEqual(now, was.Value) {
		v.Value = now
		values[v.Key] = v
	}
}

func defaults() Config {
	return Config{
		Agent: "shell", Pull: "missing", Recreate: "ask", Network: "default", Clipboard: "write",
		Build: Build{On: BuildEnvironment}, Security: Security{NoNewPrivileges: true}, Resources: Resources{Pids: 4096}, Worktrees: filepath.Join(dataHome(), "headjack", "git"),
	}
}

// dataHome is the XDG base directory specification's.
func dataHome() string {
	if d := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(d) {
		return d
	}
	return "~/.local/share"
}

func expandHome(path string) string {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, path[1:])
}

// maxConfig bounds a file of settings.
const maxConfig = 1 << 20

func readOptional(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	b, err := distrust.File(file, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}
