package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

func (a *app) stopCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "stop BRANCH", Short: "Stop the container of a branch; worktree, home and logs stay",
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeBranch,
		RunE: func(c *cobra.Command, args []string) error {
			return a.withFeedback(c.Context(), func(ctx context.Context, m *agents.Manager, fb agents.Feedback) error {
				res, err := m.Stop(ctx, agents.BranchArgs{Branch: args[0]}, fb)
				if err != nil {
					return err
				}
				return a.print(res, func(w io.Writer) { fmt.Fprintf(w, "%s is %s\n", plain.Line(args[0]), res.Instance.State) })
			})
		},
	}
	a.jsonFlag(c)
	return c
}

func (a *app) killCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "kill BRANCH [SESSION]", Short: "End one session of a branch (default: the one last used)",
		Args: cobra.RangeArgs(1, 2), ValidArgsFunction: a.completeSession,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(m *agents.Manager) error {
				res, err := m.Kill(c.Context(), sessionArgs(args))
				if err != nil {
					return err
				}
				return a.print(res, func(w io.Writer) { a.table(w, []agents.Instance{res.Instance}) })
			})
		},
	}
	a.jsonFlag(c)
	return c
}

func sessionArgs(args []string) agents.SessionArgs {
	var s agents.SessionArgs
	if len(args) > 0 {
		s.Branch = args[0]
	}
	if len(args) > 1 {
		s.Session = args[1]
	}
	return s
}

func (a *app) recreateCommand() *cobra.Command {
	var args agents.RecreateArgs
	c := &cobra.Command{
		Use: "recreate BRANCH", Short: "Swap a branch's container for one of the newest image, keeping worktree and home",
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeBranch,
		RunE: func(c *cobra.Command, argv []string) error {
			args.Branch = argv[0]
			return a.withFeedback(c.Context(), func(ctx context.Context, m *agents.Manager, fb agents.Feedback) error {
				res, err := m.Recreate(ctx, args, fb)
				if err != nil {
					return err
				}
				for _, w := range res.Warnings {
					fmt.Fprintln(a.err, plain.Line(w))
				}
				return a.print(res, func(w io.Writer) { a.table(w, []agents.Instance{res.Instance}) })
			})
		},
	}
	c.Flags().StringVar(&args.Image, "image", "", "another image: reference, Dockerfile, folder, or base, systemd, dind")
	c.Flags().BoolVar(&args.AllowPrivileges, "allow-privileges", false, allowHelp)
	c.Flags().BoolVarP(&args.Force, "force", "f", false, "also when work in the old container would be lost")
	c.Flags().BoolVar(&args.NoSetup, "no-setup", false, "no setup in the new container, also where setup.onRecreate says so")
	a.imageFlag(c, &args.Image)
	a.jsonFlag(c)
	return c
}

func (a *app) rmCommand() *cobra.Command {
	var args agents.RemoveArgs
	c := &cobra.Command{
		Use: "rm BRANCH", Aliases: []string{"remove"}, Short: "Remove a branch's container, home, worktree and logs; refuses to lose work",
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeBranch,
		RunE: func(c *cobra.Command, argv []string) error {
			args.Branch = argv[0]
			return a.withFeedback(c.Context(), func(ctx context.Context, m *agents.Manager, fb agents.Feedback) error {
				res, err := m.Remove(ctx, args, fb)
				if err != nil {
					return err
				}
				return a.print(res, func(w io.Writer) { printRemoved(w, args, res) })
			})
		},
	}
	c.Flags().BoolVarP(&args.Force, "force", "f", false, "also when work would be lost")
	c.Flags().BoolVar(&args.DeleteBranch, "delete-branch", false, "the branch too, if hjk-ls made it; refuses when it has commits that are nowhere else")
	c.Flags().BoolVarP(&args.DryRun, "dry-run", "n", false, "remove nothing; say what would be lost, what would be kept, and what becomes of the branch")
	a.jsonFlag(c)
	return c
}

func (a *app) logsCommand() *cobra.Command {
	var args agents.LogsArgs
	var follow bool
	tail := 100
	c := &cobra.Command{
		Use: "logs BRANCH [SESSION]", Short: "Print the output of a session, also after it ended",
		Args: cobra.RangeArgs(1, 2), ValidArgsFunction: a.completeSession,
		RunE: func(c *cobra.Command, argv []string) error {
			s := sessionArgs(argv)
			args.Branch, args.Session, args.Tail = s.Branch, s.Session, &tail
			return a.with(func(m *agents.Manager) error {
				if follow {
					return m.FollowLogs(c.Context(), args, a.out)
				}
				res, err := m.Logs(c.Context(), args)
				if err != nil {
					return err
				}
				return a.print(res, func(w io.Writer) { fmt.Fprint(w, withNewline(res.Text)) })
			})
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the session ends")
	c.Flags().IntVarP(&tail, "tail", "n", 100, "lines from the end; -1 is all")
	a.jsonFlag(c)
	return c
}

func withNewline(s string) string {
	if s == "" || strings.HasSuffix(s, "\n") {
		return s
	}
	return s + "\n"
}

func (a *app) buildCommand() *cobra.Command {
	var args agents.BuildArgs
	c := &cobra.Command{
		Use: "build [DOCKERFILE]", Short: "Build the Dockerfile of the repository, as run would",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, argv []string) error {
			if len(argv) > 0 {
				args.Dockerfile = asPath(argv[0])
			}
			return a.withFeedback(c.Context(), func(ctx context.Context, m *agents.Manager, fb agents.Feedback) error {
				res, err := m.Build(ctx, args, fb)
				if err != nil {
					return err
				}
				return a.print(res, func(w io.Writer) {
					fmt.Fprintf(w, "built %s in %.1f s: %s (%d of %d steps cached)\n", plain.Line(res.Dockerfile), float64(res.DurationMS)/1000, res.Image, res.CachedSteps, res.Steps)
				})
			})
		},
	}
	f := c.Flags()
	f.StringVar(&args.Target, "target", "", "stage to build")
	f.BoolVar(&args.NoCache, "no-cache", false, "run every step")
	f.BoolVar(&args.Pull, "pull", false, "ask the registry for newer base images")
	f.BoolVar(&args.AllowPrivileges, "allow-privileges", false, allowHelp)
	a.jsonFlag(c)
	return c
}

func (a *app) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "config", Short: "Print every setting and where it came from", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(m *agents.Manager) error {
				res, err := m.Config(c.Context(), "")
				if err != nil {
					return err
				}
				return a.print(res, func(w io.Writer) {
					for _, v := range res.Values {
						from := v.Source
						if v.File != "" {
							from = fmt.Sprintf("%s:%d", v.File, v.Line)
						}
						fmt.Fprintf(w, "%-26s %-28s %s\n", plain.Line(v.Key), plain.Line(settingText(v)), plain.Line(from))
					}
					for _, d := range res.Denied {
						fmt.Fprintf(w, "%-26s the repository's file asks for %s; --allow-privileges of run, recreate and build allows it\n", d.Key, d.Value)
					}
				})
			})
		},
	}
	a.jsonFlag(c)
	return c
}

func (a *app) doctorCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "doctor", Short: "Check engine, git, permissions, image, agent and disk, and say how to mend each", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(m *agents.Manager) error {
				res, err := m.Doctor(c.Context(), agents.DoctorArgs{})
				if err != nil {
					return err
				}
				if err := a.print(res, func(w io.Writer) { a.checks(w, res.Checks) }); err != nil {
					return err
				}
				for _, check := range res.Checks {
					if !check.OK {
						return &exitError{exitFailed}
					}
				}
				return nil
			})
		},
	}
	a.jsonFlag(c)
	return c
}

func (a *app) checks(w io.Writer, checks []agents.Check) {
	for _, c := range checks {
		mark := a.paint("ok  ", green)
		if !c.OK {
			mark = a.paint("FAIL", red)
		}
		draw(w, fmt.Sprintf("%s %-14s %s\n", mark, plain.Line(c.Name), plain.Text(c.Detail)))
		if !c.OK && c.Fix != "" {
			draw(w, fmt.Sprintf("     %-14s → %s\n", "", plain.Text(c.Fix)))
		}
	}
}

func (a *app) versionCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := map[string]string{"version": version, "commit": commit(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			return a.print(v, func(w io.Writer) {
				fmt.Fprintf(w, "hjk-ls %s (%s, %s, %s)\n", v["version"], v["commit"], v["go"], v["platform"])
			})
		},
	}
	a.jsonFlag(c)
	return c
}

func commit() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) > 12 {
				return s.Value[:12]
			}
		}
	}
	return "unknown"
}

func (a *app) buildLogCommand() *cobra.Command {
	var args agents.BuildLogArgs
	tail := -1
	c := &cobra.Command{
		Use: "build-log [DOCKERFILE]", Short: "Print the log of a Dockerfile's last build, whoever built it",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, argv []string) error {
			if len(argv) > 0 {
				args.Dockerfile = asPath(argv[0])
			}
			args.Tail = &tail
			return a.with(func(m *agents.Manager) error {
				res, err := m.BuildLog(c.Context(), args)
				if err != nil {
					return err
				}
				return a.print(res, func(w io.Writer) { fmt.Fprint(w, withNewline(res.Text)) })
			})
		},
	}
	c.Flags().StringVar(&args.Target, "target", "", "stage that was built")
	c.Flags().IntVarP(&tail, "tail", "n", -1, "lines from the end; -1 is all")
	a.jsonFlag(c)
	return c
}
