package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) runCommand() *cobra.Command {
	var args agents.RunArgs
	var env []string
	var promptFile string
	var detach bool
	c := &cobra.Command{
		Use:   "run [BRANCH] [PROMPT|-]",
		Short: "Run an agent on a branch, in the branch's own worktree and container, and attach to it",
		Long: `Run an agent on a branch. The branch is made when there is none; its worktree, image and container are made or
used as they are. A second run on a branch adds a session to its container.

Without a branch, a PROMPT of several words (in quotes) names one: agent/ and its first words. --from BRANCH2 makes a branch that stands on
another, with which diff and merge compare it.

What ran when the container ended (by stop, with the engine or with the machine) comes back: all of it when no agent is named, else
that agent. It goes on where it was, if it can, and a prompt is the next thing it is told. --fresh begins anew.`,
		Example: `  hjk-ls run fix/login "find out why the login test fails" --agent claude
  hjk-ls run feature-branch --image myregistry/custom-image:latest
  hjk-ls run feature-branch --image ./Dockerfile.dev --detach
  hjk-ls run "find out why the login test fails" --agent claude
  hjk-ls run --pr 123 "answer the review" --agent claude
  gh issue view 12 | hjk-ls run fix/12 --agent claude -`,
		Args: runArgs, ValidArgsFunction: a.completeBranch,
		RunE: func(c *cobra.Command, argv []string) error {
			var err error
			dash := c.ArgsLenAtDash()
			literal := dash >= 0 && dash < len(argv)
			args.Branch, argv = branchAndPrompt(argv, args.PR)
			if args.Prompt, err = a.promptOf(c.Context(), argv, literal, promptFile); err != nil {
				return err
			}
			if args.Branch == "" && args.Prompt == "" && args.PR == 0 {
				if args.Branch, err = a.ownBranch(c.Context()); err != nil {
					return err
				}
			}
			if args.Env, err = parseEnv(env); err != nil {
				if at := slices.IndexFunc(a.args, shortEnv(env)); at >= 0 {
					err = &usageError{fmt.Errorf("%w; %s", err, a.promptAdvice(c, at))}
				}
				return err
			}
			return a.run(c.Context(), args, detach)
		},
	}
	f := c.Flags()
	f.StringVar(&args.From, "from", "", "start point of a new branch (default: HEAD)")
	f.IntVar(&args.PR, "pr", 0, "on the branch of this pull request, by gh")
	f.StringVar(&args.Agent, "agent", "", "claude, codex, copilot, gemini, opencode, qwen, shell, or one from the configuration")
	f.StringVar(&promptFile, "prompt-file", "", "file that holds the prompt; - is standard input, as it is in the place of PROMPT")
	f.BoolVar(&args.Fresh, "fresh", false, "begin anew: bring back nothing that ran before")
	f.StringVar(&args.Session, "session", "", "name of the session (default: the agent's)")
	f.StringArrayVarP(&env, "env", "e", nil, "KEY=VALUE, or KEY to pass the host's value, for the session only")
	f.BoolVarP(&detach, "detach", "d", false, "do not attach")
	f.BoolVar(&args.AllowPrivileges, "allow-privileges", false, allowHelp)
	f.BoolVar(&args.NoSetup, "no-setup", false, "start without the setup, and go past one that failed")
	a.imageFlag(c, &args.Image)
	a.jsonFlag(c)
	return c
}

// imageFlag adds --image.
func (a *app) imageFlag(c *cobra.Command, image *string) {
	if c.Flags().Lookup("image") == nil {
		c.Flags().StringVar(image, "image", "", "reference, digest pin, Dockerfile, folder, or base, systemd, dind")
	}
}

// parseEnv reads KEY=VALUE, or KEY for the host's own value, which then stands in no command line.
func parseEnv(list []string) (map[string]string, error) {
	env := map[string]string{}
	for _, kv := range list {
		key, value, ok := strings.Cut(kv, "=")
		if !ok {
			if value, ok = os.LookupEnv(key); !ok {
				return nil, &usageError{fmt.Errorf("--env %s: the variable is not set; write %s=VALUE", key, key)}
			}
		}
		if key == "" {
			return nil, &usageError{fmt.Errorf("--env %q is not KEY=VALUE", kv)}
		}
		env[key] = value
	}
	return env, nil
}

func (a *app) run(ctx context.Context, args agents.RunArgs, detach bool) error {
	var err error
	if args.Image, err = a.imagePath(args.Image); err != nil {
		return err
	}
	attach := !detach && !a.json
	if attach && (!isTerminal(a.in) || !isTerminal(a.out.file)) {
		fmt.Fprintln(a.err, "hjk-ls: not on a terminal: the session runs without being attached to")
		attach = false
	}
	args.Here = true // who names a branch means it, and is told where it is checked out
	var res agents.RunResult
	err = a.withFeedback(ctx, func(ctx context.Context, m *agents.Manager, fb agents.Feedback) (err error) {
		res, err = m.Run(ctx, args, fb)
		return err
	})
	if err != nil {
		return err
	}
	args.Branch = res.Instance.Branch
	for _, w := range res.Warnings {
		fmt.Fprintf(a.err, "hjk-ls: %s\n", plain.Line(w))
	}
	a.tellResumed(args.Branch, res.Resumed)
	a.tellGit([]agents.Instance{res.Instance})
	if attach {
		started := agents.SessionArgs{Branch: args.Branch, Session: res.Session.Name}
		if err = a.attach(ctx, started); agents.CodeOf(err) == agents.CodeSessionEnded {
			return a.endedBefore(ctx, started)
		}
		return err
	}
	return a.print(res, func(w io.Writer) {
		fmt.Fprintf(w, "%s runs on %s; attach with: %s\n", plain.Line(res.Session.Agent), plain.Line(args.Branch),
			plain.Shell("hjk-ls", "attach", args.Branch, res.Session.Name))
	})
}

// endedBefore is for a program that was quicker than the terminal: it gives what the program wrote, and its exit code.
func (a *app) endedBefore(ctx context.Context, args agents.SessionArgs) error {
	return a.with(func(m *agents.Manager) error {
		all := -1
		log, err := m.Logs(ctx, agents.LogsArgs{Branch: args.Branch, Session: args.Session, Tail: &all})
		if err != nil {
			return err
		}
		fmt.Fprint(a.out, withNewline(log.Text))
		list, err := m.List(ctx, agents.ListArgs{})
		if err != nil {
			return err
		}
		s := sessionIn(list.Instances, args)
		return a.farewell(agents.AttachOutcome{Session: s, ExitCode: s.ExitCode})
	})
}

func sessionIn(all []agents.Instance, args agents.SessionArgs) agents.Session {
	for _, i := range all {
		for _, s := range i.Sessions {
			if i.Branch == args.Branch && s.Name == args.Session {
				return s
			}
		}
	}
	return agents.Session{Name: args.Session}
}

// imagePath makes a Dockerfile or folder that is named relative to the current folder relative to the top of the
// checkout, as each branch is to use its own; outside of it, absolute. Other names pass unchanged.
func (a *app) imagePath(image string) (string, error) {
	if image == "" || filepath.IsAbs(image) || strings.HasPrefix(image, "~/") {
		return image, nil
	}
	dir, err := a.folder()
	if err != nil {
		return "", err
	}
	pathLike := strings.HasPrefix(image, "./") || strings.HasPrefix(image, "../") || strings.HasSuffix(image, "/") || image == "." || image == ".."
	full := filepath.Join(dir, image)
	if fi, err := os.Stat(full); !pathLike && (err != nil || !fi.Mode().IsRegular()) {
		return image, nil
	}
	top := checkoutOf(dir)
	rel, err := filepath.Rel(top, full)
	if top == "" || err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return full, nil
	}
	return "./" + filepath.ToSlash(rel), nil
}

// asPath marks a name as a path, as an argument that can be nothing else.
func asPath(name string) string {
	if filepath.IsAbs(name) || strings.HasPrefix(name, "~/") || strings.HasPrefix(name, ".") {
		return name
	}
	return "./" + name
}

// checkoutOf is the closest folder at or above dir that has a .git, "" without one.
func checkoutOf(dir string) string {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}
