package agents

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// setup is what an agent needs at its first start in a home, so that it begins with its prompt and not with questions
// that have their answer already: which credential (the one the session has), and whether to trust the folder (the
// container is the fence, and its user started the agent there).
type setup struct {
	args  []string    // right after the program's name
	files []shim.File // written where the home has none
}

// start is the request for a session of the command in a folder.
func (c command) start(dir string) shim.Start {
	s := shim.Start{Agent: c.agent, Argv: c.argv, Env: c.env, Host: c.host, Dir: dir}
	if c.setup == nil {
		return s
	}
	made := c.setup(dir, c.env)
	s.Argv = slices.Concat(c.argv[:c.own+1], made.args, c.argv[c.own+1:])
	s.Files = made.files
	return s
}

func envOf(env []string, key string) string {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, key+"="); ok {
			return v
		}
	}
	return ""
}

// setupClaude ends the first start's questions of Claude Code 2.1, unless it has no credential: then it must ask for a
// login. A key is named, as Claude does it, by its last 20 characters.
func setupClaude(dir string, env []string) setup {
	key, token := envOf(env, "ANTHROPIC_API_KEY"), envOf(env, "CLAUDE_CODE_OAUTH_TOKEN")
	if key == "" && token == "" {
		return setup{}
	}
	state := map[string]any{
		"hasCompletedOnboarding": true,
		"projects":               map[string]any{dir: map[string]any{"hasTrustDialogAccepted": true}},
	}
	if key != "" {
		state["customApiKeyResponses"] = map[string]any{"approved": []string{key[max(0, len(key)-20):]}}
	}
	return setup{files: []shim.File{jsonFile(".claude.json", state)}}
}

// setupGemini makes Gemini CLI 0.61 take the key it is given.
func setupGemini(_ string, env []string) setup {
	s := setup{args: []string{"--skip-trust"}}
	if envOf(env, "GEMINI_API_KEY") != "" {
		auth := map[string]any{"auth": map[string]any{"selectedType": "gemini-api-key"}}
		s.files = []shim.File{jsonFile(".gemini/settings.json", map[string]any{"security": auth})}
	}
	return s
}

// setupCodex makes Codex 0.169 take the key from its environment: by itself it takes one only from a file. Arguments
// rather than a configuration file, so that the home's own stays the user's.
func setupCodex(dir string, env []string) setup {
	s := setup{args: []string{"-c", fmt.Sprintf(`projects={%s={trust_level="trusted"}}`, tomlString(dir))}}
	for _, key := range []string{"CODEX_API_KEY", "OPENAI_API_KEY"} {
		if envOf(env, key) == "" {
			continue
		}
		url := envOf(env, "OPENAI_BASE_URL")
		if url == "" {
			url = "https://api.openai.com/v1"
		}
		provider := fmt.Sprintf(`{name="OpenAI", base_url=%s, env_key=%q, wire_api="responses"}`, tomlString(url), key)
		s.args = append(s.args, "-c", "model_provider=headjack", "-c", "model_providers.headjack="+provider)
		break
	}
	return s
}

// tomlString is a TOML basic string. JSON's escapes are a part of TOML's.
func tomlString(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}

func jsonFile(path string, v any) shim.File {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return shim.File{Path: path, Text: "{}"}
	}
	return shim.File{Path: path, Text: string(b) + "\n"}
}
