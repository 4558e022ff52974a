package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// standIn is a git directory of ours in the place of one of the agent's: what is checked out is compared with a commit, as git on the
// host would do it. The agent's own index is not asked: it may say of any file that it is not to be looked at.
type standIn struct {
	dir    string
	env    []string
	commit string // "" where there is none yet
	sparse bool   // files that are not there need not be deleted
}

// make makes it. common is the repository whose configuration and objects count, "" for none.
func (s *standIn) make(ctx context.Context, format, common string, lenders []string) error {
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	for _, d := range []string{"objects/info", "refs/heads"} {
		if err := os.MkdirAll(filepath.Join(s.dir, d), 0o700); err != nil {
			return err
		}
	}
	files := map[string]string{"HEAD": "ref: refs/heads/none\n"}
	if s.commit != "" {
		files["HEAD"] = s.commit + "\n"
	}
	if common != "" {
		files["commondir"] = common + "\n"
		s.env = []string{alternateEnv + strings.Join(lenders, ":")}
	} else {
		files["config"] = format + configLine("core.bare", "false")
		files["objects/info/alternates"] = strings.Join(lenders, "\n") + "\n"
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if s.commit == "" {
		return nil
	}
	_, err := gitWith(ctx, s.call(s.dir), "--git-dir="+s.dir, "read-tree", s.commit)
	return err
}

func (s *standIn) call(dir string) call { return call{dir: dir, env: s.env, foreign: true} }

// compare adds to u what is not committed in a folder.
func (s *standIn) compare(ctx context.Context, u *Unsaved, r *Repo, prefix, dir, rules, home string, inner bool) error {
	at := checkout{dir: dir, flags: []string{"--git-dir=" + s.dir, "--work-tree=" + dir}, rules: rules, env: s.env, home: home, inner: inner}
	if s.sparse {
		c := s.call(dir)
		out, err := gitWith(ctx, c, append(slices.Clone(at.flags), "ls-files", "--deleted", "-z")...)
		if err != nil {
			return err
		}
		if c.stdin = out; out != "" {
			if _, err := gitWith(ctx, c, append(slices.Clone(at.flags), "update-index", "--skip-worktree", "-z", "--stdin")...); err != nil {
				return err
			}
		}
	}
	return u.files(ctx, r, prefix, at)
}

// files adds what is not committed in a checkout of a repository of its own. Its own ignore rules count: nobody else has others.
func (i *inner) files(ctx context.Context, r *innerRepo, root *os.Root, refs *innerRefs, t innerTree) error {
	own, err := filepath.Rel(r.dir, t.own)
	if err != nil {
		return err
	}
	head, err := headIn(root, own, refs)
	if err != nil && !errors.Is(err, errNoCommit) {
		return err
	}
	if head != "" {
		if err := i.copy(ctx, r, root); err != nil {
			return err
		}
	}
	format, err := i.repo.format(ctx)
	if err != nil {
		return err
	}
	q, _ := i.copyOf(r)
	s := standIn{dir: filepath.Join(i.innerDir(), "checkout"), commit: head, sparse: isSparse(r.in, t.own)}
	lenders := append([]string{filepath.Join(q.trusted(), "objects"), filepath.Join(i.trusted(), "objects")}, i.repo.objectDirs()...)
	if err := s.make(ctx, format, "", lenders); err != nil {
		return err
	}
	at, err := i.below(t.path)
	if err != nil {
		return err
	}
	return s.compare(ctx, i.u, i.repo, t.path+"/", at, "", i.home(), true)
}

func isSparse(in *os.Root, dir string) bool {
	_, err := in.Lstat(path.Join(dir, "info/sparse-checkout"))
	return err == nil
}

// below is the path of a folder of the worktree, which no link leads to.
func (i *inner) below(dir string) (string, error) {
	held, err := distrust.OpenDir(i.tree, filepath.FromSlash(dir))
	if err != nil {
		return "", err
	}
	return filepath.Join(i.Private.tree.Path, dir), held.Close()
}

// worktrees adds what is not committed in the worktrees that the agent made of its own repository, and tells those that are elsewhere
// than in the worktree. Their commits come over with each sync.
func (i *inner) worktrees(ctx context.Context) (outside []Outside) {
	if i.agent == nil {
		return nil
	}
	refs, err := agentRefs(ctx, i.agent)
	if err != nil {
		i.unseen("worktrees of the agent's", whyEnded(ctx, err))
		return nil
	}
	dirs := gitDirs(ctx, i.agent)[1:]
	for _, own := range dirs {
		if dir, here := i.linked[own]; here {
			if err := i.worktree(ctx, refs, own, dir); err != nil {
				i.unseen(dir, whyEnded(ctx, err))
			}
		}
	}
	if all, err := listing(ctx, i.agent, "worktrees", maxTrees); err != nil || len(all) > len(dirs) {
		i.unseen("worktrees of the agent's", fmt.Errorf("there are more than %d", maxTrees))
	}
	return i.beyond(i.agent, dirs)
}

// Beyond are the worktrees that the agent made elsewhere than in its own.
func (p *Private) Beyond(ctx context.Context) ([]Outside, error) {
	agent, err := p.openAgent(ctx)
	if err != nil || agent == nil {
		return nil, err
	}
	defer agent.Close()
	return p.beyond(agent, gitDirs(ctx, agent)[1:]), nil
}

func (p *Private) beyond(agent *os.Root, dirs []string) (outside []Outside) {
	for _, own := range dirs {
		b, err := distrust.Read(agent, path.Join(own, "gitdir"), 4096)
		at := filepath.Dir(filepath.Clean(absolute(path.Join(privateTarget, own), strings.TrimRight(string(b), "\r\n"))))
		if _, ok := beneath(p.tree.Path, at); err == nil && !ok { // those that are there, or were, are found there
			outside = append(outside, Outside{Name: path.Base(own), Path: at})
		}
	}
	return outside
}

// worktree compares one that lies in the worktree. What git status of the worktree says of its files is not told: it takes all of
// them for untracked.
func (i *inner) worktree(ctx context.Context, refs *innerRefs, own, dir string) error {
	at, err := i.below(dir)
	if err != nil {
		return err
	}
	var u Unsaved
	if err := i.linkedFiles(ctx, &u, refs, own, dir+"/", at); err != nil {
		return err
	}
	outer := func(name string) bool { return strings.HasPrefix(name, dir+"/") }
	i.u.Untracked = slices.DeleteFunc(i.u.Untracked, outer)
	i.u.Modified, i.u.Untracked = append(i.u.Modified, u.Modified...), append(i.u.Untracked, u.Untracked...)
	if len(u.Modified)+len(u.Untracked) > 0 { // what is work is not named as ignored beside
		i.u.Ignored = slices.DeleteFunc(i.u.Ignored, func(name string) bool { return strings.HasPrefix(dir+"/", name) })
	}
	return nil
}

// linkedFiles compares a folder with what one of the agent's worktrees has checked out.
func (i *inner) linkedFiles(ctx context.Context, u *Unsaved, refs *innerRefs, own, prefix, at string) error {
	head, err := headIn(i.agent, own, refs)
	if err != nil && !errors.Is(err, errNoCommit) {
		return err
	}
	s := standIn{dir: filepath.Join(i.innerDir(), "checkout"), commit: head, sparse: isSparse(i.agent, own)}
	if err := s.make(ctx, "", i.repo.CommonDir, []string{filepath.Join(i.trusted(), "objects")}); err != nil {
		return err
	}
	return s.compare(ctx, u, i.repo, prefix, at, i.rules, i.home(), false)
}

// home is a checkout of the host's own.
func (i *inner) home() string {
	if i.tree != nil {
		return i.Private.tree.Path
	}
	return i.repo.CommonDir
}
