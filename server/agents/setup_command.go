package agents

import (
	"cmp"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// Sessions of the life cycle. No agent's session has their names.
const (
	setupSession    = "setup"
	teardownSession = "teardown"
)

// notReserved refuses the names of those sessions.
func notReserved(session string) error {
	if session == setupSession || session == teardownSession {
		return Errorf(CodeInvalidArgument, "the session name %q is kept for the %s of the settings; choose another", session, session)
	}
	return nil
}

// setupOf is what is run in a new instance: by the settings, or else by the devcontainer.json of its worktree that its image is by.
func (m *Manager) setupOf(w wish, p place, dir string) (workspace.Commands, error) {
	if c := w.config.Setup.Command; len(c.Words) > 0 {
		return c, nil
	}
	return w.lifecycle(p, dir)
}

// chore is what the settings have run in a container, beside agents.
type chore struct {
	session  string
	commands workspace.Commands
}

// argv are the words of its program: several commands are run by the helper, as an image need not have a shell.
func (c chore) argv() ([]string, error) {
	if len(c.commands.Words) == 1 {
		return c.commands.Words[0], nil
	}
	list, err := json.Marshal(c.commands.Words)
	return []string{shim.Path, "each", string(list)}, err
}

// request is the session of a chore. It has the credentials for git that the settings give, and no agent's.
func (m *Manager) request(ctx context.Context, w wish, ch chore, c container.Container) (shim.Start, error) {
	argv, err := ch.argv()
	if err != nil {
		return shim.Start{}, err
	}
	env, err := m.gitCredentials(ctx, w.repo, w.config)
	if err != nil {
		return shim.Start{}, err
	}
	with, err := command{env: env, common: commonEnv{m: m, repo: w.repo, config: w.config, early: true}}.in(c.Worktree)
	if err != nil {
		return shim.Start{}, err
	}
	return shim.Start{
		Name: ch.session, Exact: true, Agent: ch.session, Argv: argv, Env: with.env, Host: m.hostLocale(),
		Dir: c.Worktree, Home: c.Labels[container.LabelHome],
	}, nil
}

// begin starts the session of a chore in a container that runs.
func (m *Manager) begin(ctx context.Context, f follower, w wish, ch chore, c container.Container) error {
	req, err := m.request(ctx, w, ch, c)
	if err != nil {
		return err
	}
	if req.Mounts, err = f.eng.Shields(ctx, c.ID); err != nil {
		return err
	}
	_, err = f.eng.StartSession(ctx, c.ID, c.Labels[container.LabelUser], req)
	return err
}

// choreAsk is the question whether a chore that the repository's file names may have the user's credentials for git. ok is false where
// there is nothing to ask: it is the user's own, or gets none.
func choreAsk(w wish, ch chore, image string) (ask consentAsk, ok bool) {
	if !ch.commands.Repository || len(ch.commands.Words) == 0 {
		return consentAsk{}, false
	}
	var gets []string
	if w.config.Git.Token != "" {
		gets = append(gets, "credential git.token "+w.config.Git.Token)
	}
	if w.config.Git.SSH {
		gets = append(gets, "credential the ssh agent")
	}
	gets = append(gets, commonEnv{config: w.config}.ofTheHost()...)
	if len(gets) == 0 {
		return consentAsk{}, false
	}
	return consentAsk{
		id: ch.session + ":" + w.repo.Root + ":" + image, what: "the " + ch.session + " of " + cmp.Or(ch.commands.File, filepath.Join(w.repo.From, repoConfigFile)),
		power: append(gets, ch.session+" = "+ch.commands.String(), "image "+image), now: w.allow,
	}, true
}

// agreed reports whether the user has agreed to an ask before.
func (m *Manager) agreed(a consentAsk) bool {
	slices.Sort(a.power)
	return m.consent().Allowed(a.id, a.power)
}

// allowSetup gets that consent for the setup of an instance, before anything of it is made.
func (m *Manager) allowSetup(w wish, p place, dir, image string, fb Feedback) error {
	commands, err := m.setupOf(w, p, dir)
	if err != nil {
		return err
	}
	ask, ok := choreAsk(w, chore{setupSession, commands}, image)
	if !ok {
		return nil
	}
	return m.allow(ask, fb)
}
