package workspace

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Own are the user's and the agent's own things in a container.
type Own struct {
	Mounts  []Mount
	Caches  []string            // folders in the container that all branches of the repository share
	Env     map[string]EnvValue // of all sessions
	EnvFile []string            // files of such variables
	Home    []string            // files and folders of the user's home that a new home begins with
	ShmSize int64               // bytes of /dev/shm; 0 is the engine's choice
	Hosts   map[string]string   // names and their addresses
	DNS     []string
	Devices []string // SOURCE[:TARGET[:rwm]], as docker's --device
	GPUs    string   // all, a number, or ids between commas
}

// Mount is a file or folder of the host in a container.
type Mount struct {
	Source   string `json:"source"` // absolute, ~/…, or relative to the repository's main checkout
	Target   string `json:"target"` // absolute, ~/… of the container, or relative to the worktree
	ReadOnly bool   `json:"readOnly"`
}

// String is what the user agrees to.
func (m Mount) String() string {
	if m.ReadOnly {
		return m.Source + ":" + m.Target + ":ro"
	}
	return m.Source + ":" + m.Target
}

// EnvValue is the value of a variable, or that it is the host's.
type EnvValue struct {
	Text string
	Host bool
}

// String is the value as a list of settings shows it.
func (v EnvValue) String() string {
	if v.Host {
		return "null"
	}
	return v.Text
}

// MarshalJSON has null for the host's, as the settings do.
func (v EnvValue) MarshalJSON() ([]byte, error) {
	if v.Host {
		return []byte("null"), nil
	}
	return json.Marshal(v.Text)
}

func mounts(n *yaml.Node) ([]Mount, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, errors.New("want a list of objects with source, target and readOnly")
	}
	all := make([]Mount, 0, len(n.Content))
	for _, item := range n.Content {
		m, err := oneMount(item)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func oneMount(n *yaml.Node) (m Mount, err error) {
	if n.Kind != yaml.MappingNode {
		return m, errors.New("want objects such as {source: ~/data, target: /data, readOnly: true}")
	}
	for i := 0; i+1 < len(n.Content) && err == nil; i += 2 {
		v := n.Content[i+1]
		switch key := n.Content[i].Value; key {
		case "source":
			m.Source, err = place(v)
		case "target":
			m.Target, err = place(v)
		case "readOnly":
			m.ReadOnly, err = boolean(v)
		default:
			err = unknownKey(key, []string{"readOnly", "source", "target"})
		}
	}
	if err == nil && m.Source == "" {
		err = errors.New("a mount has no source; name a file or folder of the host")
	}
	if m.Target == "" {
		m.Target = m.Source
	}
	return m, err
}

// place is a path: absolute, ~/…, or relative.
func place(n *yaml.Node) (string, error) {
	s, err := text(n)
	switch {
	case err != nil:
		return "", errors.New("want a path")
	case s == "":
		return "", errors.New("a path is empty")
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", fmt.Errorf("%q is a path with a control character; rename that file or folder", s)
	}
	return filepath.Clean(s), nil
}

func caches(n *yaml.Node) ([]string, error) {
	return placesIn(n, func(s string) bool { return InHome(s) || filepath.IsAbs(s) && filepath.Clean(s) != "/" },
		"a folder of the container such as ~/.npm or /go/pkg/mod")
}

func homeFiles(n *yaml.Node) ([]string, error) {
	return placesIn(n, InHome, "a file or folder of your home such as ~/.claude/CLAUDE.md")
}

// InHome reports whether a setting names something below the home.
func InHome(path string) bool {
	rel, ok := strings.CutPrefix(path, "~/")
	return ok && filepath.IsLocal(rel) && filepath.Clean(rel) != "."
}

func placesIn(n *yaml.Node, fits func(string) bool, want string) ([]string, error) {
	list, err := stringList(n)
	if err != nil {
		return nil, err
	}
	for i, s := range list {
		if strings.ContainsFunc(s, unicode.IsControl) || !fits(s) {
			return nil, fmt.Errorf("%q is not %s", s, want)
		}
		list[i] = filepath.Clean(s)
	}
	return list, nil
}

func envFiles(n *yaml.Node) ([]string, error) {
	return placesIn(n, func(s string) bool { return s != "" }, "a file such as .env or ~/agents.env")
}

func variables(n *yaml.Node) (map[string]EnvValue, error) {
	if n.Kind != yaml.MappingNode {
		return nil, errors.New("want an object of variables")
	}
	all := map[string]EnvValue{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, v := n.Content[i].Value, n.Content[i+1]
		if err := EnvName(name); err != nil {
			return nil, err
		}
		if v.Tag == "!!null" {
			all[name] = EnvValue{Host: true}
			continue
		}
		s, err := text(v)
		if err != nil || strings.ContainsRune(s, 0) {
			return nil, fmt.Errorf("%s: want a string, or null for the host's value", name)
		}
		all[name] = EnvValue{Text: s}
	}
	return all, nil
}

// ownVariables are those by which hjk-ls makes git work in a container.
var ownVariables = regexp.MustCompile(`^(HJK_.*|GIT_CONFIG_(COUNT|KEY_\d+|VALUE_\d+))$`)

// EnvName is an error where a variable of that name cannot be set for sessions.
func EnvName(name string) error {
	switch {
	case !variableName.MatchString(name):
		return fmt.Errorf("%q is not the name of an environment variable", name)
	case ownVariables.MatchString(name):
		return fmt.Errorf("%s is a variable that hjk-ls sets itself; leave it out", name)
	}
	return nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)

// HostGateway stands for the host's own address in hosts.
const HostGateway = "host-gateway"

func hosts(n *yaml.Node) (map[string]string, error) {
	all, err := stringMap(n)
	if err != nil {
		return nil, errors.New("want an object of names and addresses")
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !hostName.MatchString(name) {
			return nil, fmt.Errorf("%q is not a name of a host", name)
		}
		if all[name] != HostGateway && !address(all[name]) {
			return nil, fmt.Errorf("%s: %q is not an IP address, nor %s, which is this host", name, all[name], HostGateway)
		}
	}
	return all, nil
}

func address(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

func dns(n *yaml.Node) ([]string, error) {
	list, err := stringList(n)
	for _, s := range list {
		if err == nil && !address(s) {
			err = fmt.Errorf("%q is not the IP address of a DNS server", s)
		}
	}
	return list, err
}

var device = regexp.MustCompile(`^/dev/[^:,[:cntrl:]]+(:/[^:,[:cntrl:]]+)?(:[rwm]{1,3})?$`)

func devices(n *yaml.Node) ([]string, error) {
	list, err := stringList(n)
	for _, s := range list {
		if err == nil && (!device.MatchString(s) || strings.Contains(s, "..")) {
			err = fmt.Errorf("%q is not a device such as /dev/kvm, /dev/ttyUSB0:/dev/ttyUSB0 or /dev/snd:/dev/snd:rw", s)
		}
	}
	return list, err
}

var gpuID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]*$`)

// gpus takes all, a number, or a list of ids.
func gpus(n *yaml.Node) (string, error) {
	list, err := stringList(n)
	if err != nil || len(list) == 0 {
		return "", errors.New(`want "all", a number of GPUs, or a list of their ids`)
	}
	for _, s := range list {
		if !gpuID.MatchString(s) {
			return "", fmt.Errorf("%q is not all, a number of GPUs, or the id of one", s)
		}
	}
	if number, err := strconv.Atoi(list[0]); n.Kind == yaml.ScalarNode && err == nil && number < 1 {
		return "", fmt.Errorf("%q is not a number of GPUs above 0", list[0])
	}
	if n.Kind == yaml.SequenceNode && len(list) == 1 {
		return "id:" + list[0], nil // a number in a list is an id
	}
	return strings.Join(list, ","), nil
}
