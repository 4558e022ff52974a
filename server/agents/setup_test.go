package agents

import (
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

func files(all []shim.File) string {
	var b strings.Builder
	for _, f := range all {
		b.WriteString(f.Path + "\n" + f.Text)
	}
	return b.String()
}

// What an agent is started with in a new home. The agents themselves are asked by internal/shipped.
func TestFirstStart(t *testing.T) {
	for name, c := range map[string]struct {
		agent   string
		env     []string
		argv    string
		has     []string // of the files
		hasNone bool
	}{
		"claude without a credential asks for a login": {agent: "claude", argv: "claude say hello", hasNone: true},
		"claude with a key": {
			agent: "claude", env: []string{"ANTHROPIC_API_KEY=sk-1-ABCDEFGHIJKLMNOPQRST"}, argv: "claude say hello",
			has: []string{".claude.json", `"hasCompletedOnboarding": true`, `"/w t"`, `"ABCDEFGHIJKLMNOPQRST"`},
		},
		"claude with a short key":  {agent: "claude", env: []string{"ANTHROPIC_API_KEY=k"}, argv: "claude say hello", has: []string{`"k"`}},
		"claude with a token":      {agent: "claude", env: []string{"CLAUDE_CODE_OAUTH_TOKEN=t"}, argv: "claude say hello", has: []string{"hasTrustDialogAccepted"}},
		"gemini without":           {agent: "gemini", argv: "gemini --skip-trust --prompt-interactive say hello", hasNone: true},
		"gemini with a key":        {agent: "gemini", env: []string{"GEMINI_API_KEY=k"}, argv: "gemini --skip-trust --prompt-interactive say hello", has: []string{".gemini/settings.json", `"gemini-api-key"`}},
		"codex without":            {agent: "codex", argv: `codex -c projects={"/w t"={trust_level="trusted"}} say hello`, hasNone: true},
		"codex with another place": {agent: "codex", env: []string{"OPENAI_API_KEY=k", "OPENAI_BASE_URL=http://x/v1"}, argv: `codex -c projects={"/w t"={trust_level="trusted"}} -c model_provider=headjack -c model_providers.headjack={name="OpenAI", base_url="http://x/v1", env_key="OPENAI_API_KEY", wire_api="responses"} say hello`, hasNone: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := programs[c.agent]
			cmd := command{agent: c.agent, argv: append([]string{}, p.argv...), env: c.env, setup: p.setup}
			if p.promptFlag != "" {
				cmd.argv = append(cmd.argv, p.promptFlag)
			}
			cmd.argv = append(cmd.argv, "say hello")
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

// A program of the user's own is started as it is written.
func TestOwnCommandIsLeftAlone(t *testing.T) {
	cmd := command{agent: "claude", argv: []string{"my-claude", "--x"}, env: []string{"ANTHROPIC_API_KEY=k"}}
	if req := cmd.start("/w"); strings.Join(req.Argv, " ") != "my-claude --x" || len(req.Files) > 0 {
		t.Errorf("%+v", req)
	}
}
