package workspace

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"go.yaml.in/yaml/v3"
)

// field is one key of the configuration: a leaf with set, get and merge, or an object with fields.
type field struct {
	fields map[string]field
	short  string // the field that a value is for which is no object
	set    func(*Config, *yaml.Node) error
	get    func(*Config) any // nil when unset
	// stricter says in words which way of the key is the stricter one.
	stricter string
	// users is that the repository's file may not have the key at all, whatever the user would agree to.
	users bool
	// merge lets the repository's value into own, as far as the key's direction and the user let it. It returns what it
	// wanted and did not get, as values of the key.
	merge func(own, repo *Config, said bool, allowed func(value string) bool) []string
}

// leaf makes a field that lives at ptr and is decoded by parse.
func leaf[T any](ptr func(*Config) *T, parse func(*yaml.Node) (T, error), unset func(T) bool, d direction[T]) field {
	return field{
		stricter: d.words,
		merge: func(own, repo *Config, said bool, allowed func(string) bool) []string {
			merged, denied := d.merge(*ptr(own), *ptr(repo), said, allowed)
			*ptr(own) = merged
			return denied
		},
		set: func(c *Config, n *yaml.Node) error {
			v, err := parse(n)
			if err == nil {
				*ptr(c) = v
			}
			return err
		},
		get: func(c *Config) any {
			if v := *ptr(c); !unset(v) {
				return v
			}
			return nil
		},
	}
}

func zero[T comparable](v T) bool {
	var none T
	return v == none
}

func empty[T any](v []T) bool { return len(v) == 0 }

func emptyMap[T any](v map[string]T) bool { return len(v) == 0 }

// schema is the table of all settings. The last of each key is its direction: what the repository's file, which an agent can
// write, may do to the user's value.
var schema = field{fields: map[string]field{
	"image":        leaf(func(c *Config) *string { return &c.Image }, text, zero, images),
	"agent":        leaf(func(c *Config) *string { return &c.Agent }, text, zero, free[string]("what it names has the rules of agents")),
	"agents":       leaf(func(c *Config) *map[string]Agent { return &c.Agents }, agents, emptyMap, ownAgents),
	"pull":         leaf(func(c *Config) *string { return &c.Pull }, oneOf("missing", "always", "never"), zero, ordered("never", "missing", "always")),
	"recreate":     leaf(func(c *Config) *string { return &c.Recreate }, oneOf("ask", "auto", "never"), zero, ordered("never", "ask", "auto")),
	"network":      leaf(func(c *Config) *string { return &c.Network }, text, zero, networks),
	"clipboard":    leaf(func(c *Config) *string { return &c.Clipboard }, oneOf("write", "none"), zero, ordered("none", "write")),
	"ports":        leaf(func(c *Config) *[]Port { return &c.Ports }, ports, empty, fewer[Port]()),
	"certificates": leaf(func(c *Config) *[]string { return &c.Certificates }, paths, empty, fewer[string]()),
	"notify":       onlyTheUsers(leaf(func(c *Config) *[]string { return &c.Notify }, hostCommand, empty, never)),
	"mounts":       leaf(func(c *Config) *[]Mount { return &c.Mounts }, mounts, empty, added("each", every[Mount])),
	"caches":       leaf(func(c *Config) *[]string { return &c.Caches }, caches, empty, added("", none[string])),
	"home":         leaf(func(c *Config) *[]string { return &c.Home }, homeFiles, empty, added("each", every[string])),
	"env":          leaf(func(c *Config) *map[string]EnvValue { return &c.Env }, variables, emptyMap, variablesOf),
	"envFile":      leaf(func(c *Config) *[]string { return &c.EnvFile }, envFiles, empty, added("a file outside of the checkout", OutOfCheckout)),
	"shmSize":      leaf(func(c *Config) *int64 { return &c.ShmSize }, memory, zero, lower(Size)),
	"hosts":        leaf(func(c *Config) *map[string]string { return &c.Hosts }, hosts, emptyMap, addedNames("each", nameAndValue, every[string])),
	"dns":          leaf(func(c *Config) *[]string { return &c.DNS }, dns, empty, added("each", every[string])),
	"devices":      leaf(func(c *Config) *[]string { return &c.Devices }, devices, empty, added("each", every[string])),
	"gpus":         leaf(func(c *Config) *string { return &c.GPUs }, gpus, zero, theUsers[string]("devices of the host")),
	"worktrees":    leaf(func(c *Config) *string { return &c.Worktrees }, folder, zero, theUsers[string]("a folder of the host")),
	"teardown":     leaf(func(c *Config) *Commands { return &c.Teardown }, commands, noCommands, ownCommands),
	"setup": {short: "command", fields: map[string]field{
		"command":    leaf(func(c *Config) *Commands { return &c.Setup.Command }, commands, noCommands, ownCommands),
		"onRecreate": leaf(func(c *Config) *bool { return &c.Setup.OnRecreate }, boolean, zero, free[bool]("when the setup runs")),
	}},
	"build": {fields: map[string]field{
		"on":       leaf(func(c *Config) *string { return &c.Build.On }, buildOn, zero, ordered(BuildManual, BuildEnvironment, BuildInputs)),
		"target":   leaf(func(c *Config) *string { return &c.Build.Target }, text, zero, free[string]("a stage of the Dockerfile")),
		"args":     leaf(func(c *Config) *map[string]string { return &c.Build.Args }, stringMap, emptyMap, free[map[string]string]("values for the Dockerfile")),
		"secrets":  leaf(func(c *Config) *[]string { return &c.Build.Secrets }, stringList, empty, fewer[string]()),
		"ssh":      leaf(func(c *Config) *[]string { return &c.Build.SSH }, stringList, empty, fewer[string]()),
		"platform": leaf(func(c *Config) *string { return &c.Build.Platform }, text, zero, free[string]("what the image is for")),
	}},
	"security": {fields: map[string]field{
		"noNewPrivileges": leaf(func(c *Config) *bool { return &c.Security.NoNewPrivileges }, boolean, func(bool) bool { return false }, either(true)),
		"capabilities":    leaf(func(c *Config) *[]string { return &c.Security.Capabilities }, capabilities, empty, fewer[string]()),
	}},
	"git": {fields: map[string]field{
		"ssh":   leaf(func(c *Config) *bool { return &c.Git.SSH }, boolean, zero, either(false)),
		"token": leaf(func(c *Config) *string { return &c.Git.Token }, variable, zero, theUsers[string]("a credential")),
	}},
	"resources": {fields: map[string]field{
		"memory": leaf(func(c *Config) *int64 { return &c.Resources.Memory }, memory, zero, lower(Size)),
		"cpus":   leaf(func(c *Config) *float64 { return &c.Resources.CPUs }, positive, zero, lower(number[float64])),
		"pids":   leaf(func(c *Config) *int64 { return &c.Resources.Pids }, count, zero, lower(number[int64])),
	}},
}}

// leaves lists the dotted keys below f.
func (f field) leaves(prefix string) []string {
	if f.fields == nil {
		return []string{prefix}
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(f.fields)) {
		all = append(all, f.fields[k].leaves(join(prefix, k))...)
	}
	return all
}

func join(prefix, key string) string {
	if prefix == "" {
		return key
	}
	return prefix + "." + key
}

// at is the field at a dotted key.
func (f field) at(key string) field {
	for _, k := range strings.Split(key, ".") {
		f = f.fields[k]
	}
	return f
}

func text(n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return "", errors.New("want a string")
	}
	return n.Value, nil
}

func oneOf(allowed ...string) func(*yaml.Node) (string, error) {
	return func(n *yaml.Node) (string, error) {
		s, err := text(n)
		if err == nil && !slices.Contains(allowed, s) {
			err = fmt.Errorf("%q is not one of %s", s, strings.Join(allowed, ", "))
		}
		return s, err
	}
}

// What begins a build, the strictest first.
const (
	BuildManual      = "manual"
	BuildEnvironment = "environment" // what the image's environment is made from: no folders that are copied
	BuildInputs      = "inputs"      // all that the build reads
)

// buildOn takes "save", too, which is what "inputs" was called.
func buildOn(n *yaml.Node) (string, error) {
	if s, err := text(n); err == nil && s == "save" {
		return BuildInputs, nil
	}
	return oneOf(BuildEnvironment, BuildInputs, BuildManual)(n)
}

func folder(n *yaml.Node) (string, error) {
	s, err := text(n)
	if err == nil && !filepath.IsAbs(s) && s != "~" && !strings.HasPrefix(s, "~/") {
		err = fmt.Errorf("%q is not an absolute path; begin it with / or ~/", s)
	}
	return s, err
}

// paths are files of the host.
func paths(n *yaml.Node) ([]string, error) {
	list, err := stringList(n)
	for _, s := range list {
		if err == nil && !filepath.IsAbs(s) && !strings.HasPrefix(s, "~/") {
			err = fmt.Errorf("%q is not an absolute path; begin it with / or ~/", s)
		}
	}
	return list, err
}

// stringList takes a list, or one string as a list of one.
func stringList(n *yaml.Node) ([]string, error) {
	if n.Kind == yaml.ScalarNode {
		s, err := text(n)
		return []string{s}, err
	}
	if n.Kind != yaml.SequenceNode {
		return nil, errors.New("want a list of strings")
	}
	list := make([]string, 0, len(n.Content))
	for _, item := range n.Content {
		s, err := text(item)
		if err != nil {
			return nil, errors.New("want a list of strings")
		}
		list = append(list, s)
	}
	return list, nil
}

func stringMap(n *yaml.Node) (map[string]string, error) {
	if n.Kind != yaml.MappingNode {
		return nil, errors.New("want an object of strings")
	}
	m := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		v, err := text(n.Content[i+1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Content[i].Value, err)
		}
		m[n.Content[i].Value] = v
	}
	return m, nil
}

func memory(n *yaml.Node) (int64, error) {
	s, err := text(n)
	if err != nil {
		return 0, errors.New("want a size such as 512m or 4g")
	}
	b, err := units.RAMInBytes(s)
	if err != nil || b <= 0 {
		return 0, fmt.Errorf("%q is not a size such as 512m or 4g", s)
	}
	return b, nil
}

func boolean(n *yaml.Node) (bool, error) {
	b, err := strconv.ParseBool(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		return false, errors.New("want true or false")
	}
	return b, nil
}

var capabilityName = regexp.MustCompile(`^[A-Z][A-Z_]*$`)

func capabilities(n *yaml.Node) ([]string, error) {
	list, err := stringList(n)
	for _, c := range list {
		if err == nil && !capabilityName.MatchString(c) {
			err = fmt.Errorf("%q is not a capability such as NET_RAW; see capabilities(7)", c)
		}
	}
	return list, err
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func variable(n *yaml.Node) (string, error) {
	s, err := text(n)
	if err == nil && !variableName.MatchString(s) {
		err = errors.New("want the name of an environment variable, not a value")
	}
	return s, err
}

func positive(n *yaml.Node) (float64, error) {
	f, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || !(f > 0 && f < 1e6) {
		return 0, fmt.Errorf("%q is not a number of CPUs such as 2 or 0.5", n.Value)
	}
	return f, nil
}

func count(n *yaml.Node) (int64, error) {
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || err != nil || i < 1 {
		return 0, fmt.Errorf("%q is not a whole number above 0", n.Value)
	}
	return i, nil
}
