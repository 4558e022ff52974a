package agents

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// Git tells how the branch on the host and the one in the container stand.
type Git struct {
	State   string   `json:"state"` // synced, diverged or held
	Message string   `json:"message,omitempty"`
	Refs    []GitRef `json:"refs,omitempty"` // branches, tags and notes of the agent's own
	// MoreRefs are those that an editor is not told, as there are too many.
	MoreRefs int `json:"moreRefs,omitempty"`
}

// GitRef is one reference of the agent's own.
type GitRef struct {
	Name   string `json:"name"` // inside, such as heads/idea
	Ref    string `json:"ref"`  // on the host, such as refs/headjack/hjk-x-…/heads/idea
	Commit string `json:"commit"`
}

// syncTimeout bounds one sync; what it did not get to the next one does.
const syncTimeout = 30 * time.Second

// sync brings the commits of an instance over, both ways. That it fails is told by the log and the instance, and stops
// nothing: the commits stay where they are.
func (m *Manager) sync(ctx context.Context, r *workspace.Repo, wt workspace.Worktree, p place) *Git {
	priv := r.Private(wt, p.gitDir(), p.name)
	return m.synced(ctx, priv, p, priv.Sync)
}

// syncAway is a sync of an instance whose branch is checked out nowhere, such as that of a main checkout that is on another
// branch: the agent's commits are kept beside the branch.
func (m *Manager) syncAway(ctx context.Context, r *workspace.Repo, p place) *Git {
	priv := r.Private(r.Away(p.Now), p.gitDir(), p.name)
	return m.synced(ctx, priv, p, priv.SyncAnew)
}

// synced runs one of the ways to sync.
func (m *Manager) synced(ctx context.Context, priv *workspace.Private, p place, sync func(context.Context) (workspace.Report, error)) *Git {
	if !priv.Exists() {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, syncTimeout, fmt.Errorf("what was committed inside did not come over in %s; it goes on the next time", syncTimeout))
	defer cancel()
	rep, err := sync(ctx)
	if errors.Is(err, fs.ErrNotExist) && !priv.Exists() {
		return nil // removed meanwhile
	}
	g := &Git{State: rep.State, Message: rep.Message}
	if err != nil { // some of it may have come
		m.log.Warn("cannot bring the agent's commits over", zap.String("branch", p.Now), zap.Error(err))
		g = &Git{State: workspace.Held, Message: err.Error()}
	}
	for _, ref := range rep.Refs {
		g.Refs = append(g.Refs, GitRef(ref))
	}
	return g
}

// syncAll syncs every instance of a survey.
func (m *Manager) syncAll(ctx context.Context, repos map[string]*workspace.Repo, all map[string]*item) {
	var side sideBySide
	for _, it := range all {
		r := repos[it.repo]
		if r == nil {
			continue
		}
		if err := it.place.here(it.containers); err != nil { // a second git directory would be made beside the agent's
			it.git = &Git{State: workspace.Held, Message: err.Error()}
			continue
		}
		side.do(func() {
			tree := it.tree
			if tree.Path == "" || tree.Prunable {
				tree = r.Away(it.place.Now)
			}
			// One of ours whose repository was moved does not lead there any more.
			if err := tree.Relink(); err != nil {
				m.log.Debug("cannot lead a worktree back to its repository", zap.String("worktree", tree.Path), zap.Error(err))
			}
			it.git = m.sync(ctx, r, tree, it.place)
		})
	}
	side.wait()
}
