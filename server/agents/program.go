package agents

import (
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// program is an agent hjk-ls knows by itself.
type program struct {
	argv        []string
	prompt      func(string) []string // the arguments by which any prompt is taken for one
	credentials []string              // variables of the host that hold its credentials
	install     string                // how a Dockerfile adds it
	resume      []string              // arguments that make it go on with its last conversation
	deaf        bool                  // where it goes on it loses a prompt
	setup       func(dir string, env []string) setup
}

// shellAgent is the login program of the image; the helper in the container picks it.
const shellAgent = "shell"

// programs are the agents that were tried (docs/agents.md), and how they are called. Those of the first three are today's agent command lines. Sources: each one's own --help (claude 2.1, gemini 0.61, codex 0.169), and what each
// made of prompts such as "-h" and "update" (ADR 27).
var programs = map[string]program{
	shellAgent: {install: "RUN apt-get update && apt-get install -y bash"},
	"claude": {
		argv:        []string{"claude"},
		prompt:      promptOfClaude,
		credentials: []string{"CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY"},
		install:     "RUN npm install -g @anthropic-ai/claude-code",
		resume:      []string{"--continue"},
		setup:       setupClaude,
	},
	"gemini": {
		argv:        []string{"gemini"},
		prompt:      func(prompt string) []string { return []string{"--prompt-interactive=" + prompt} },
		credentials: []string{"GEMINI_API_KEY"},
		install:     "RUN npm install -g @google/gemini-cli",
		resume:      []string{"--resume", "latest"},
		setup:       setupGemini,
	},
	"codex": {
		argv:        []string{"codex"},
		prompt:      func(prompt string) []string { return []string{"--", prompt} },
		credentials: []string{"CODEX_API_KEY", "OPENAI_API_KEY"},
		install:     "RUN npm install -g @openai/codex",
		resume:      []string{"resume", "--last"},
		setup:       setupCodex,
	},
	"copilot":  copilot,
	"opencode": opencode,
	"qwen":     qwen,
}

// promptOfClaude ends the options before the prompt. Claude takes the name of a subcommand for the subcommand there, too ("update"
// updates it), so that a prompt of one word gets a blank, which is a part of no name.
func promptOfClaude(prompt string) []string {
	if !strings.ContainsAny(prompt, " \t\r\n") {
		prompt += " "
	}
	return []string{"--", prompt}
}

// line is how an agent is called.
type line struct {
	argv   []string
	prompt func(string) []string // nil when it takes none
	resume []string
	deaf   bool // with resume it loses a prompt
	own    int  // where in argv the agent's own program is, to which setup belongs
	setup  func(dir string, env []string) setup
}

// lineOf is how the settings call an agent. A command of theirs that starts a known agent's own program is that agent with
// other arguments; any other command is a program of which nothing is known.
func lineOf(c workspace.Config, agent string) (line, error) {
	known, builtin := programs[agent]
	custom, configured := c.Agents[agent]
	if !builtin && !configured {
		return line{}, Errorf(CodeUnknownAgent, "agent %q is not known; use one of %s, or define it under agents: in .headjack.yaml",
			agent, strings.Join(agentNames(c), ", "))
	}
	l := line{argv: slices.Clone(known.argv), prompt: known.prompt, resume: known.resume, deaf: known.deaf, setup: known.setup}
	if len(custom.Command) > 0 {
		l.argv = slices.Clone(custom.Command)
		if l.own = ownProgram(known, custom.Command); l.own < 0 {
			l.prompt, l.resume, l.setup = lastArgument, nil, nil
		}
	}
	if len(custom.Args) > 0 && len(l.argv) == 0 {
		return line{}, Errorf(CodeInvalidConfig, "agents.%s.args are for no program; name it in agents.%s.command", agent, agent)
	}
	l.argv = append(l.argv, custom.Args...)
	if custom.Prompt != nil {
		l.prompt = placed(custom.Prompt)
	}
	if custom.Resume != nil {
		l.resume, l.deaf = custom.Resume, false
	}
	return l, nil
}

// ownProgram is where in a command the known agent's own program is: first, or after env and its variables. -1 is nowhere.
func ownProgram(known program, command []string) int {
	i := 0
	if path.Base(command[0]) == "env" {
		for i = 1; i < len(command) && strings.Contains(command[i], "=") && command[i][0] != '-'; i++ {
		}
	}
	if len(known.argv) == 0 || i == len(command) || path.Base(command[i]) != known.argv[0] {
		return -1
	}
	return i
}

func lastArgument(prompt string) []string { return []string{prompt} }

// MaxPrompt is how long a prompt may be: the kernel takes 128 KiB as one argument, of which the program's own part takes little.
const MaxPrompt = 127 << 10

// placed puts a prompt where the settings want it.
func placed(words []string) func(string) []string {
	if len(words) == 0 {
		return nil
	}
	return func(prompt string) []string {
		all := make([]string, 0, len(words))
		for _, w := range words {
			all = append(all, strings.ReplaceAll(w, workspace.PromptMark, prompt))
		}
		return all
	}
}

// with is the line's words for a prompt, "" for none.
func (l line) with(c workspace.Config, agent, prompt string) ([]string, error) {
	switch {
	case prompt == "":
		return l.argv, nil
	case len(prompt) > MaxPrompt:
		return nil, Errorf(CodeInvalidArgument, "the prompt has more than the %d bytes that a program can be given as an argument; "+
			"put it into a file of the worktree, and have the prompt name that", MaxPrompt)
	case !utf8.ValidString(prompt):
		return nil, Errorf(CodeInvalidArgument, "the prompt is not UTF-8 text; write it as that")
	case l.prompt == nil || len(l.argv) == 0:
		return nil, Errorf(CodeInvalidArgument, "the %s agent takes no prompt; name one that does by --agent: %s", agent, strings.Join(promptTakers(c), ", "))
	case strings.ContainsRune(prompt, 0):
		return nil, Errorf(CodeInvalidArgument, "the prompt has a NUL character, which no program can be given as an argument; leave it out")
	}
	return append(l.argv, l.prompt(prompt)...), nil
}

// promptTakers are the agents that take a prompt.
func promptTakers(c workspace.Config) []string {
	return slices.DeleteFunc(agentNames(c), func(name string) bool {
		l, err := lineOf(c, name)
		return err != nil || l.prompt == nil || len(l.argv) == 0
	})
}

func agentNames(c workspace.Config) []string {
	all := maps.Clone(c.Agents)
	if all == nil {
		all = map[string]workspace.Agent{}
	}
	for name := range programs {
		all[name] = workspace.Agent{}
	}
	return slices.Sorted(maps.Keys(all))
}
