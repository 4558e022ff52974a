package main

import (
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gilmanlab/hjk-ls/server/agents"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// settingText is a setting's value in one line, as a file of settings has it.
func settingText(v agents.ConfigValue) string {
	value := v.Value
	switch typed := value.(type) {
	case map[string]workspace.Agent:
		all := map[string]any{}
		for name, a := range typed {
			all[name] = agentKeys(a)
		}
		value = all
	case int64:
		if v.Key == "resources.memory" {
			return workspace.Size(typed)
		}
	}
	var n yaml.Node
	if err := n.Encode(value); err != nil {
		return ""
	}
	flow(&n)
	b, err := yaml.Marshal(&n)
	if err != nil {
		return ""
	}
	text := strings.TrimSuffix(string(b), "\n")
	if strings.Contains(text, "\n") { // it breaks long lines; JSON, which is YAML too, has none
		if b, err = json.Marshal(value); err == nil {
			text = string(b)
		}
	}
	return text
}

// agentKeys are the keys of an agent that are set.
func agentKeys(a workspace.Agent) map[string]any {
	keys := map[string]any{}
	for key, list := range map[string][]string{"command": a.Command, "args": a.Args, "prompt": a.Prompt, "resume": a.Resume} {
		if list != nil {
			keys[key] = list
		}
	}
	if len(a.Env) > 0 {
		keys["env"] = a.Env
	}
	return keys
}

// flow writes lists and objects in one line.
func flow(n *yaml.Node) {
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
		n.Style |= yaml.FlowStyle
	}
	for _, c := range n.Content {
		flow(c)
	}
}
