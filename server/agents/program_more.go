package agents

import "github.com/gilmanlab/hjk-ls/container/shim"

// Agents beside the first three. What docs/agents.md says of each was tried with the version that is named there.

var copilot = program{
	argv:        []string{"copilot"},
	prompt:      func(prompt string) []string { return []string{"--interactive=" + prompt} },
	credentials: []string{"COPILOT_GITHUB_TOKEN"}, // it takes GH_TOKEN too, which is for far more than this agent
	install:     "RUN npm install -g @github/copilot",
	resume:      []string{"--continue"},
	setup:       setupCopilot,
}

var opencode = program{
	argv:        []string{"opencode"},
	prompt:      func(prompt string) []string { return []string{"--prompt=" + prompt} },
	credentials: []string{"OPENCODE_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"},
	install:     "RUN npm install -g opencode-ai",
	resume:      []string{"--continue"},
	deaf:        true,
}

var qwen = program{
	argv:        []string{"qwen"},
	prompt:      func(prompt string) []string { return []string{"--prompt-interactive=" + prompt} },
	credentials: []string{"OPENAI_API_KEY"},
	install:     "RUN npm install -g @qwen-code/qwen-code",
	resume:      []string{"--continue"},
}

// setupCopilot ends the question of Copilot CLI 1.0 whether to trust the folder.
func setupCopilot(dir string, _ []string) setup {
	return setup{files: []shim.File{jsonFile(".copilot/config.json", map[string]any{"trustedFolders": []string{dir}})}}
}
