package agents

import (
	"context"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// sshAgent lets the container reach the user's ssh agent, when the settings allow it.
func (m *Manager) sshAgent(c workspace.Config) ([]container.Mount, error) {
	if !c.Git.SSH {
		return nil, nil
	}
	sock := m.opts.Getenv("SSH_AUTH_SOCK")
	if fi, err := os.Stat(sock); err != nil || fi.Mode()&os.ModeSocket == 0 {
		return nil, Errorf(CodeInvalidConfig, "git.ssh is set and no ssh agent runs (SSH_AUTH_SOCK is %q); start one with: eval $(ssh-agent) && ssh-add", sock)
	}
	return []container.Mount{{Source: sock, Target: shim.SSHAgent}}, nil
}

// gitCredentials are the variables by which git in a session finds the credentials it may use. The token reaches the
// session alone, and the helper gives it to the repository's own remotes only.
func (m *Manager) gitCredentials(ctx context.Context, r *workspace.Repo, c workspace.Config) ([]string, error) {
	var env []string
	if c.Git.SSH {
		env = append(env, "SSH_AUTH_SOCK="+shim.SSHAgent)
	}
	if c.Git.Token == "" {
		return env, nil
	}
	token := m.opts.Getenv(c.Git.Token)
	if token == "" {
		return nil, Errorf(CodeInvalidConfig, "git.token names %s, which is not set in the environment of hjk-ls", c.Git.Token)
	}
	addresses, err := r.Remotes(ctx)
	if err != nil {
		return nil, wrap(err, CodeWorktreeFailed)
	}
	var hosts []string
	for _, a := range addresses {
		if u, err := url.Parse(a); err == nil && (u.Scheme == "https" || u.Scheme == "http") && !slices.Contains(hosts, u.Host) {
			hosts = append(hosts, u.Host)
		}
	}
	return append(env,
		shim.TokenEnv+"="+token, shim.HostsEnv+"="+strings.Join(hosts, " "),
		"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_1=credential.helper", "GIT_CONFIG_VALUE_1="+shim.Path+" credential",
	), nil
}
