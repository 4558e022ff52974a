package agents

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/internal/system"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// ghLimit bounds one call of gh, which waits for the network.
const ghLimit = 2 * time.Minute

// maxGH bounds what is read of an answer of gh.
const maxGH = 1 << 20

func hasGH() error {
	if _, err := exec.LookPath("gh"); err != nil {
		return Errorf(CodeGHMissing, "gh, the command line of GitHub, is not on PATH; install it (https://cli.github.com) and log in: gh auth login")
	}
	return nil
}

// gh runs the user's gh in the repository. It asks nothing.
func gh(ctx context.Context, r *workspace.Repo, args ...string) (string, error) {
	if err := hasGH(); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, ghLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "gh", args...)
	cmd.Dir = r.Root
	cmd.Env = append(cmd.Environ(), "GH_PROMPT_DISABLED=1", "GH_PAGER=cat", "NO_COLOR=1", "GIT_TERMINAL_PROMPT=0")
	system.OwnSession(cmd)
	cmd.Cancel = func() error { return system.EndGroup(cmd) }
	cmd.WaitDelay = time.Second
	var out, told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &told
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.As(err, &exit):
		return "", Errorf(CodeGHFailed, "gh %s: %s", args[0]+" "+args[1], plain.Short(strings.TrimSpace(told.String()), plain.MaxMessage))
	case err != nil:
		return "", err
	case out.Len() > maxGH:
		return "", Errorf(CodeGHFailed, "gh %s: the answer is longer than %d bytes", args[0], maxGH)
	}
	return out.String(), nil
}

// pullRequest is the address of the branch's pull request, which is made where there is none. It goes into the branch that this one was
// made from, so that branches that stand on each other are reviewed one by one.
func (m *Manager) pullRequest(ctx context.Context, f finished, a PushArgs) (string, error) {
	if out, err := gh(ctx, f.repo, "pr", "view", a.Branch, "--json", "url,state"); err == nil {
		var have struct{ URL, State string }
		if json.Unmarshal([]byte(out), &have) == nil && have.State == "OPEN" {
			return have.URL, nil
		}
	}
	args := []string{"pr", "create", "--head", a.Branch, "--fill"}
	if base := f.repo.BaseOnRemote(ctx, f.tree); base != "" {
		args = append(args, "--base", base)
	}
	if a.Draft {
		args = append(args, "--draft")
	}
	out, err := gh(ctx, f.repo, args...)
	lines := strings.Fields(out)
	if err != nil || len(lines) == 0 {
		return "", err
	}
	return lines[len(lines)-1], nil
}
