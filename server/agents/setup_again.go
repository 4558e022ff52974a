package agents

import (
	"context"
	"fmt"
	"strings"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// SetupArgs is the argument object of hjk-ls.setup.
type SetupArgs struct {
	Workspace       string `json:"workspace,omitempty"`
	Branch          string `json:"branch"`
	AllowPrivileges bool   `json:"allowPrivileges,omitempty"`
}

// SetupResult is the result of hjk-ls.setup.
type SetupResult struct {
	Instance Instance `json:"instance"`
	Copied   []string `json:"copied,omitempty"`   // files that .worktreeinclude names and the worktree did not have
	Warnings []string `json:"warnings,omitempty"` // as those of hjk-ls.run
}

// Setup runs the setup of an instance again, in its container, which is started where it is stopped. Before, what .worktreeinclude names
// and the worktree does not have is copied.
func (m *Manager) Setup(ctx context.Context, a SetupArgs, fb Feedback) (SetupResult, error) {
	if err := m.trusted(); err != nil {
		return SetupResult{}, err
	}
	t, err := m.target(ctx, a.Workspace, a.Branch)
	if err != nil {
		return SetupResult{}, err
	}
	config, values, err := m.config(t.repo)
	if err != nil {
		return SetupResult{}, err
	}
	w := wish{repo: t.repo, config: config, values: values, allow: a.AllowPrivileges}
	if err := m.agree(&w, fb); err != nil {
		return SetupResult{}, err
	}
	wt, found, err := t.repo.Find(ctx, t.place.Now)
	if err != nil {
		return SetupResult{}, wrap(err, CodeWorktreeFailed)
	}
	if !found || !t.place.exists() {
		return SetupResult{}, m.missing(ctx, t.place)
	}
	copied, err := t.repo.Include(ctx, wt.Path)
	tellCopied(fb, copied)
	if err != nil {
		return SetupResult{}, wrap(err, CodeWorktreeFailed)
	}
	up := &bringUp{m: m, eng: t.eng, fb: fb, place: t.place, own: wt.Path, wish: w, cmd: command{agent: setupSession}, again: true}
	if err := up.runSetup(ctx, wt, copied); err != nil {
		return SetupResult{}, m.failed(t.eng, startError(err))
	}
	m.changed.kick()
	inst, err := m.instance(ctx, t.eng, t.repo, a.Branch)
	return SetupResult{Instance: inst, Copied: spelledAll(copied), Warnings: up.warnings}, err
}

// runSetup runs what there is to run. Without a setup the files alone are a reason to have asked.
func (u *bringUp) runSetup(ctx context.Context, wt workspace.Worktree, copied []string) error {
	commands, err := u.m.setupOf(u.wish, u.place, wt.Path)
	if err != nil {
		return err
	}
	if len(commands.Words) > 0 {
		_, err := u.withSetup(ctx)
		u.m.tidy(ctx, u.eng)
		return err
	}
	if len(copied) > 0 {
		return nil
	}
	return Errorf(CodeInvalidConfig, "there is nothing to set up: name the commands by setup: in %s (setup: npm ci), or files to copy into worktrees in %s",
		repoConfigFile, workspace.IncludeFile)
}

// mostCopied bounds how many files a step names.
const mostCopied = 10

// tellCopied says which files .worktreeinclude had copied.
func tellCopied(fb Feedback, copied []string) {
	if len(copied) == 0 {
		return
	}
	text := "copied " + strings.Join(spelledAll(copied[:min(len(copied), mostCopied)]), ", ")
	if more := len(copied) - mostCopied; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	fb.step(text + ", as " + workspace.IncludeFile + " says")
}

func spelledAll(names []string) []string {
	var all []string
	for _, n := range names {
		all = append(all, spelled(n))
	}
	return all
}
