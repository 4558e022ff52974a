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

// command is what a session will run.
type command struct {
	agent  string
	argv   []string // empty for the image's shell
	resume []string // arguments that make it go on where it was
	deaf   bool     // with resume it loses a prompt
	bare   int      // how much of argv is not the prompt
	env    []string // KEY=VALUE, may hold credentials
	host   []string // the host's TZ and LANG
	own    int      // where in argv the agent's own program is
	setup  func(dir string, env []string) setup
	common commonEnv // variables of the settings, which in adds

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
	cmd.env, cmd.host = append(cmd.env, env...), m.hostLocale()
	cmd.common = commonEnv{m: m, repo: w.repo, config: w.config}
	cmd.gets = append(cmd.gets, cmd.common.ofTheHost()...)
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
	line, err := lineOf(c, agent)
	if err != nil {
		return command{}, err
	}
	argv, err := line.with(c, agent, prompt)
	if err != nil {
		return command{}, err
	}
	cmd := command{agent: agent, argv: argv, resume: line.resume, deaf: line.deaf, bare: len(line.argv), own: line.own, setup: line.setup}
	custom := c.Agents[agent]
	cmd.env, cmd.gets = m.sessionEnv(agent, programs[agent], custom, extra)
	if custom.Repository {
		cmd.foreign = custom.String()
	}
	return cmd, nil
}

// resumed is a command that goes on where the agent was, with the prompt behind. It is the plain one for agents that cannot,
// and for one that would lose the prompt: what it is told counts for more than what it was told before, which it still has in its list.
func (c command) resumed() command {
	if c.deaf && len(c.argv) > c.bare {
		return c
	}
	c.argv = slices.Concat(c.argv[:c.bare], c.resume, c.argv[c.bare:])
	return c
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

// installHint says how an image gets the program that was missing.
func installHint(agent string) string {
	if p, ok := programs[agent]; ok && p.install != "" {
		return fmt.Sprintf("add it to the image's Dockerfile, for example `%s`", p.install)
	}
	return "add it to the image, or correct agents." + agent + ".command in .headjack.yaml"
}
