package agents

import (
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/workspace"
)

func files(all []shim.File) string {
	var b strings.Builder
	for _, f := range all {
		b.WriteString(f.Path + "\n" + f.Text)
	}
	return b.String()
}

// What an agent is started with in a new home. The agents themselves are asked by internal/testing/shipped.
func TestFirstStart(t *testing.T) {
	for name, c := range map[string]struct {
		agent   string
		env     []string
		argv    string
		has     []string // of the files
		hasNone bool
	}{
		"claude without a credential asks for a login": {agent: "claude", argv: "claude -- say hello", hasNone: true},
		"claude with a key": {
			agent: "claude", env: []string{"ANTHROPIC_API_KEY=sk-1-ABCDEFGHIJKLMNOPQRST"}, argv: "claude -- say hello",
			has: []string{".claude.json", `"hasCompletedOnboarding": true`, `"/w t"`, `"ABCDEFGHIJKLMNOPQRST"`},
		},
		"claude with a short key":  {agent: "claude", env: []string{"ANTHROPIC_API_KEY=k"}, argv: "claude -- say hello", has: []string{`"k"`}},
		"claude with a token":      {agent: "claude", env: []string{"CLAUDE_CODE_OAUTH_TOKEN=t"}, argv: "claude -- say hello", has: []string{"hasTrustDialogAccepted"}},
		"gemini without":           {agent: "gemini", argv: "gemini --skip-trust --prompt-interactive=say hello", hasNone: true},
		"gemini with a key":        {agent: "gemini", env: []string{"GEMINI_API_KEY=k"}, argv: "gemini --skip-trust --prompt-interactive=say hello", has: []string{".gemini/settings.json", `"gemini-api-key"`}},
		"copilot":                  {agent: "copilot", argv: "copilot --interactive=say hello", has: []string{".copilot/config.json", `"trustedFolders"`, `"/w t"`}},
		"codex without":            {agent: "codex", argv: `codex -c projects={"/w t"={trust_level="trusted"}} -- say hello`, hasNone: true},
		"codex with another place": {agent: "codex", env: []string{"OPENAI_API_KEY=k", "OPENAI_BASE_URL=http://x/v1"}, argv: `codex -c projects={"/w t"={trust_level="trusted"}} -c model_provider=headjack -c model_providers.headjack={name="OpenAI", base_url="http://x/v1", env_key="OPENAI_API_KEY", wire_api="responses"} -- say hello`, hasNone: true},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := commandOf(t, workspace.Config{}, c.agent, "say hello")
			cmd.env = c.env
			req := cmd.start("/w t")
			if got := strings.Join(req.Argv, " "); got != c.argv {
				t.Errorf("argv %s\nwant %s", got, c.argv)
			}
			text := files(req.Files)
			for _, want := range c.has {
				if !strings.Contains(text, want) {
					t.Errorf("%s is not in\n%s", want, text)
				}
			}
			if c.hasNone && text != "" {
				t.Errorf("files: %s", text)
			}
			for _, kv := range c.env {
				if _, secret, _ := strings.Cut(kv, "="); strings.Contains(strings.Join(req.Argv, " "), secret) && strings.HasPrefix(secret, "sk-") {
					t.Error("a credential is in the command line")
				}
			}
		})
	}
}

// commandOf is what a session of an agent runs.
func commandOf(t *testing.T, c workspace.Config, agent, prompt string) command {
	t.Helper()
	l, err := lineOf(c, agent)
	if err != nil {
		t.Fatal(err)
	}
	argv, err := l.with(c, agent, prompt)
	if err != nil {
		t.Fatal(err)
	}
	return command{agent: agent, argv: argv, resume: l.resume, own: l.own, deaf: l.deaf, bare: len(l.argv), setup: l.setup}
}

// TestCommandsOfTheUsers: a command of the user's that starts a known agent is that agent, with its first start, its way to take a
// prompt and its way to go on. What it is of another program nobody knows, and it is started as it is written.
func TestCommandsOfTheUsers(t *testing.T) {
	key := []string{"ANTHROPIC_API_KEY=k", "GEMINI_API_KEY=k"}
	for _, c := range []struct {
		agent   string
		custom  workspace.Agent
		prompt  string
		argv    string
		resumed string
		files   bool
	}{
		{"claude", workspace.Agent{Command: []string{"claude", "--x"}}, "-h", "claude --x -- -h ", "claude --x --continue", true},
		{"claude", workspace.Agent{Args: []string{"--model", "m"}}, "two words", "claude --model m -- two words", "claude --model m --continue", true},
		{"claude", workspace.Agent{Command: []string{"/opt/claude"}, Args: []string{"--x"}, Resume: []string{}}, "", "/opt/claude --x", "/opt/claude --x", true},
		{"gemini", workspace.Agent{Command: []string{"env", "A=b", "gemini", "-y"}}, "mcp", "env A=b gemini --skip-trust -y --prompt-interactive=mcp", "env A=b gemini --skip-trust -y --resume latest", true},
		{"codex", workspace.Agent{Args: []string{"--search"}}, "update", `codex -c projects={"/w"={trust_level="trusted"}} --search -- update`, `codex -c projects={"/w"={trust_level="trusted"}} --search resume --last`, false},
		{"copilot", workspace.Agent{Args: []string{"--allow-all-tools"}}, "-p", "copilot --allow-all-tools --interactive=-p", "copilot --allow-all-tools --continue", true},
		{"opencode", workspace.Agent{}, "update", "opencode --prompt=update", "opencode --continue", false},
		{"qwen", workspace.Agent{Command: []string{"qwen", "-y"}}, "--version", "qwen -y --prompt-interactive=--version", "qwen -y --continue", false},
		{"claude", workspace.Agent{Prompt: []string{"--ask={prompt}", "--"}}, "-h", "claude --ask=-h --", "claude --continue", true},
		{"claude", workspace.Agent{Command: []string{"my-claude", "--x"}}, "-h", "my-claude --x -h", "my-claude --x", false},
		{"claude", workspace.Agent{Command: []string{"env", "-i", "claude"}}, "-h", "env -i claude -h", "env -i claude", false},
		{"mine", workspace.Agent{Command: []string{"m"}, Args: []string{"a"}, Resume: []string{"-r"}}, "update", "m a update", "m a -r", false},
		{"mine", workspace.Agent{Command: []string{"m"}, Prompt: []string{"say", "<{prompt}>"}}, "{prompt} b", "m say <{prompt} b>", "m", false},
		{"shell", workspace.Agent{Command: []string{"fish"}}, "ls", "fish ls", "fish", false},
	} {
		config := workspace.Config{Agents: map[string]workspace.Agent{c.agent: c.custom}}
		cmd := commandOf(t, config, c.agent, c.prompt)
		cmd.env = key
		req := cmd.start("/w")
		if got := strings.Join(req.Argv, " "); got != c.argv || (len(req.Files) > 0) != c.files {
			t.Errorf("%+v: %s, %d files\nwant %s", c.custom, got, len(req.Files), c.argv)
		}
		again := commandOf(t, config, c.agent, "").resumed()
		again.env = key
		if got := strings.Join(again.start("/w").Argv, " "); got != c.resumed {
			t.Errorf("%+v goes on by %s\nwant %s", c.custom, got, c.resumed)
		}
	}
}

// TestPromptsAreNotLost by an agent that takes none where it goes on.
func TestPromptsAreNotLost(t *testing.T) {
	for agent, want := range map[string]string{
		"opencode": "opencode --prompt=next", "claude": "claude --continue -- next ", "codex": "codex resume --last -- next",
	} {
		if got := strings.Join(commandOf(t, workspace.Config{}, agent, "next").resumed().argv, " "); got != want {
			t.Errorf("%s: %s, want %s", agent, got, want)
		}
	}
}

// TestPromptsThatCannotBe are refused with what to do, and not lost.
func TestPromptsThatCannotBe(t *testing.T) {
	config := workspace.Config{Agents: map[string]workspace.Agent{"mine": {Command: []string{"m"}}, "deaf": {Command: []string{"d"}, Prompt: []string{}}}}
	for agent, want := range map[string]string{"shell": "name one that does by --agent: claude, codex, copilot, gemini, mine, opencode, qwen", "deaf": "takes no prompt"} {
		l, err := lineOf(config, agent)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.with(config, agent, "hello"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", agent, err)
		}
	}
	l, _ := lineOf(config, "mine")
	if _, err := l.with(config, "mine", "a\x00b"); err == nil || !strings.Contains(err.Error(), "NUL") {
		t.Error(err)
	}
	config.Agents["shell"] = workspace.Agent{Args: []string{"-l"}}
	if _, err := lineOf(config, "shell"); err == nil || !strings.Contains(err.Error(), "agents.shell.command") {
		t.Error(err)
	}
}
