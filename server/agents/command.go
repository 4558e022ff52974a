package agents

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/internal/credentials"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// program is an agent hjk-ls knows by itself.
type program struct {
	argv        []string
	promptFlag  string   // before the prompt, when the prompt is not a plain last argument
	credentials []string // variables of the host that hold its credentials
	install     string   // how a Dockerfile adds it
	resume      []string // arguments that make it go on with its last conversation
	setup       func(dir string, env []string) setup
}

// shellAgent is the login program of the image; the helper in the container picks it.
const shellAgent = "shell"

// programs are today's agent command lines. Sources: each one's own --help (claude 2.1, gemini 0.61, codex 0.169).
var programs = map[string]program{
	shellAgent: {install: "RUN apt-get update && apt-get install -y bash"},
	"claude": {
		argv:        []string{"claude"},
		credentials: []string{"CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY"},
		install:     "RUN npm install -g @anthropic-ai/claude-code",
		resume:      []string{"--continue"},
		setup:       setupClaude,
	},
	"gemini": {
		argv:        []string{"gemini"},
		promptFlag:  "--prompt-interactive",
		credentials: []string{"GEMINI_API_KEY"},
		install:     "RUN npm install -g @google/gemini-cli",
		resume:      []string{"--resume", "latest"},
		setup:       setupGemini,
	},
	"codex": {
		argv:        []string{"codex"},
		credentials: []string{"CODEX_API_KEY", "OPENAI_API_KEY"},
		install:     "RUN npm install -g @openai/codex",
		resume:      []string{"resume", "--last"},
		setup:       setupCodex,
	},
}

// command is what a session will run.
type command struct {
	agent string
	argv  []string // empty for the image's shell
	env   []string // KEY=VALUE, may hold credentials
	setup func(dir string, env []string) setup

	foreign string   // what the repository's file says the agent is; "" when it is the user's or a built-in one
	gets    []string // names of the user's credentials that are in env, or that the container reaches
}

// sessionCommand is what a session runs, with the credentials that the settings give it.
func (m *Manager) sessionCommand(ctx context.Context, w wish, agent, prompt string, extra map[string]string) (command, error) {
	cmd, err := m.command(w.config, agent, prompt, extra)
	if err != nil {
		return command{}, err
	}
	env, err := m.gitCredentials(ctx, w.repo, w.config)
	if err != nil {
		return command{}, err
	}
	cmd.env = append(cmd.env, env...)
	if w.config.Git.Token != "" {
		cmd.gets = append(cmd.gets, "git.token "+w.config.Git.Token)
	}
	if w.config.Git.SSH {
		cmd.gets = append(cmd.gets, "the ssh agent")
	}
	return cmd, nil
}

// command resolves an agent name and a prompt. extra is the request's own environment and wins.
func (m *Manager) command(c workspace.Config, agent, prompt string, extra map[string]string) (command, error) {
	if agent == "" {
		agent = c.Agent
	}
	known, builtin := programs[agent]
	custom, configured := c.Agents[agent]
	if !builtin && !configured {
		return command{}, Errorf(CodeUnknownAgent, "agent %q is not known; use one of %s, or define it under agents: in .headjack.yaml",
			agent, strings.Join(agentNames(c), ", "))
	}
	argv := slices.Clone(known.argv)
	if len(custom.Command) > 0 {
		argv = slices.Clone(custom.Command)
	}
	if prompt != "" {
		switch {
		case len(argv) == 0:
			return command{}, Errorf(CodeInvalidArgument, "the %s agent takes no prompt; name one that does, such as --agent claude", agent)
		case known.promptFlag != "" && len(custom.Command) == 0:
			argv = append(argv, known.promptFlag)
		}
		argv = append(argv, prompt)
	}
	cmd := command{agent: agent, argv: argv}
	cmd.env, cmd.gets = m.sessionEnv(agent, known, custom, extra)
	if custom.Repository {
		cmd.foreign = custom.String()
	}
	if len(custom.Command) == 0 {
		cmd.setup = known.setup
	}
	return cmd, nil
}

// resumed is a command that goes on where the agent was. It is the plain one for agents that cannot.
func resumed(c workspace.Config, cmd command) command {
	resume := programs[cmd.agent].resume
	if custom, ok := c.Agents[cmd.agent]; ok && (len(custom.Command) > 0 || len(custom.Resume) > 0) {
		resume = custom.Resume
	}
	cmd.argv = append(slices.Clone(cmd.argv), resume...)
	return cmd
}

// variableOf is the variable that an agent reads a credential from. Claude has one for its subscription's tokens, which
// begin so, and one for keys.
func variableOf(p program, secret string) string {
	if p.argv[0] == "claude" && !strings.HasPrefix(secret, "sk-ant-oat") {
		return "ANTHROPIC_API_KEY"
	}
	return p.credentials[0]
}

// sessionEnv lays the request's variables over the configuration's over the credentials: the host's environment has, else
// those that `hjk-ls auth` keeps. gets are the credentials among
// them: of an agent that hjk-ls knows by itself a variable of the request may be one too.
func (m *Manager) sessionEnv(agent string, p program, a workspace.Agent, extra map[string]string) (all, gets []string) {
	env := map[string]string{}
	for _, k := range p.credentials {
		if v := m.opts.Getenv(k); v != "" {
			env[k] = v
		}
	}
	if len(env) == 0 && len(p.credentials) > 0 {
		if secret, err := m.opts.Credentials.Get(agent); err == nil {
			env[variableOf(p, secret)] = secret
		} else if !errors.Is(err, credentials.ErrNotFound) {
			m.log.Warn("cannot read the agent's credential", zap.String("agent", agent), zap.Error(err))
		}
	}
	if len(p.argv) > 0 {
		gets = slices.AppendSeq(gets, maps.Keys(extra))
	}
	gets = slices.AppendSeq(gets, maps.Keys(env))
	slices.Sort(gets)
	maps.Copy(env, a.Env)
	maps.Copy(env, extra)
	for _, k := range slices.Sorted(maps.Keys(env)) {
		all = append(all, k+"="+env[k])
	}
	return all, slices.Compact(gets)
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

// installHint says how an image gets the program that was missing.
func installHint(agent string) string {
	if p, ok := programs[agent]; ok && p.install != "" {
		return fmt.Sprintf("add it to the image's Dockerfile, for example `%s`", p.install)
	}
	return "add it to the image, or correct agents." + agent + ".command in .headjack.yaml"
}
