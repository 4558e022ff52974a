package workspace

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// layer is one place of settings while it is read.
type layer struct {
	config *Config
	values map[string]Value
	file   string
	source string
}

// ofEditor reports whether the layer has no file that errors could name.
func (l layer) ofEditor() bool { return l.source == "editor" || l.source == "folder" }

// apply lays a document of YAML or JSON, which is YAML too, over c.
func apply(c *Config, values map[string]Value, data []byte, file, source string) error {
	l := layer{c, values, file, source}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return l.syntax(err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
		return nil
	}
	return l.object(schema, "", doc.Content[0])
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

func (l layer) syntax(err error) error {
	line, msg := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		line, _ = strconv.Atoi(m[1])
		msg = strings.Replace(msg, m[0], "", 1)
	}
	return l.fail(&yaml.Node{Line: line, Column: 1}, "", errors.New(msg))
}

func (l layer) fail(n *yaml.Node, key string, err error) error {
	e := &ConfigError{File: l.file, Line: n.Line, Column: n.Column, Message: err.Error()}
	if key != "" {
		e.Message = key + ": " + e.Message
	}
	if l.ofEditor() {
		e.Line, e.Column = 0, 0
	}
	return e
}

func (l layer) object(f field, prefix string, n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return l.fail(n, prefix, errors.New("want an object of settings"))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if v.Kind == yaml.AliasNode {
			v = v.Alias
		}
		if seen[k.Value] {
			return l.fail(k, prefix, fmt.Errorf("%q is there twice", k.Value))
		}
		seen[k.Value] = true
		if err := l.key(f, prefix, k, v); err != nil {
			return err
		}
	}
	return nil
}

func (l layer) key(f field, prefix string, k, v *yaml.Node) error {
	sub, ok := f.fields[k.Value]
	key := join(prefix, k.Value)
	switch {
	case !ok:
		return l.fail(k, prefix, unknownKey(k.Value, slices.Sorted(maps.Keys(f.fields))))
	case v.Tag == "!!null": // an editor's "not set"
		return nil
	case sub.short != "" && v.Kind != yaml.MappingNode:
		key, sub = join(key, sub.short), sub.fields[sub.short]
	case sub.fields != nil:
		return l.object(sub, key, v)
	case sub.users && (l.source == "repository" || l.source == "folder"):
		return l.fail(k, key, errNotTheUsers)
	}
	if err := sub.set(l.config, v); err != nil {
		return l.fail(v, key, err)
	}
	val := Value{Key: key, Value: sub.get(l.config), Source: l.source}
	if !l.ofEditor() {
		val.File, val.Line = l.file, k.Line
	}
	l.values[key] = val
	return nil
}

func unknownKey(key string, allowed []string) error {
	return fmt.Errorf("unknown key %q; known here: %s", key, strings.Join(allowed, ", "))
}

// agents reads the agents object; its keys are the user's own.
func agents(n *yaml.Node) (map[string]Agent, error) {
	if n.Kind != yaml.MappingNode {
		return nil, errors.New("want an object of agents by name")
	}
	all := map[string]Agent{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if !agentName.MatchString(name) {
			return nil, fmt.Errorf("%q is not a name of letters, digits, '.', '_' and '-'", name)
		}
		a, err := agent(n.Content[i+1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[name] = a
	}
	return all, nil
}

var agentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)

func agent(n *yaml.Node) (Agent, error) {
	var a Agent
	if n.Kind != yaml.MappingNode {
		return a, errors.New("want an object with command, args, prompt, env or resume")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		var err error
		key, v := n.Content[i].Value, n.Content[i+1]
		switch key {
		case "command":
			a.Command, err = stringList(v)
		case "args":
			a.Args, err = stringList(v)
		case "prompt":
			a.Prompt, err = promptWords(v)
		case "env":
			a.Env, err = stringMap(v)
		case "resume":
			a.Resume, err = stringList(v)
		default:
			return a, unknownKey(key, []string{"args", "command", "env", "prompt", "resume"})
		}
		if err != nil {
			return a, fmt.Errorf("%s: %w", key, err)
		}
	}
	return a, nil
}

// promptWords are arguments of which one has the place of the prompt, or none at all.
func promptWords(n *yaml.Node) ([]string, error) {
	words, err := stringList(n)
	has := func(w string) bool { return strings.Contains(w, PromptMark) }
	if err == nil && len(words) > 0 && !slices.ContainsFunc(words, has) {
		err = fmt.Errorf("%s must stand where the prompt belongs, as in [--ask, %q]; [] is for an agent that takes no prompt", PromptMark, PromptMark)
	}
	return words, err
}
