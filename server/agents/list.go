package agents

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// List tells the instances of the open repositories, or of every repository. Without an engine it tells what git
// knows, in StateUnknown.
func (m *Manager) List(ctx context.Context, a ListArgs) (ListResult, error) {
	return m.list(ctx, a, m.engines.get)
}

func (m *Manager) list(ctx context.Context, a ListArgs, connect func(context.Context) (*engine, error)) (ListResult, error) {
	repos, err := m.listed(ctx, a)
	if err != nil {
		return ListResult{}, err
	}
	eng, err := connect(ctx)
	if err != nil && len(repos) == 0 {
		return ListResult{}, err
	}
	all, err := m.survey(ctx, eng, repos, a.All)
	if err != nil {
		m.noteLost(eng, err)
		return ListResult{}, wrap(err, CodeEngineFailed)
	}
	if a.LastLines {
		tellLastLines(all)
	}
	return ListResult{Instances: all}, nil
}

func (m *Manager) listed(ctx context.Context, a ListArgs) ([]*workspace.Repo, error) {
	if a.Workspace != "" {
		r, err := m.repo(ctx, a.Workspace, "")
		if err != nil {
			return nil, err
		}
		return []*workspace.Repo{r}, nil
	}
	repos, err := m.repos(ctx)
	if err != nil && a.All && CodeOf(err) == CodeNotRepository {
		return nil, nil
	}
	return repos, err
}

// survey asks the engine and git and joins what they say. eng may be nil: then it is unreachable.
func (m *Manager) survey(ctx context.Context, eng *engine, repos []*workspace.Repo, everywhere bool) ([]Instance, error) {
	s, err := m.ask(ctx, eng, repos)
	if err != nil {
		return nil, err
	}
	return m.join(ctx, s, everywhere, m.syncAll), nil
}

// ask asks the engine and git side by side.
func (m *Manager) ask(ctx context.Context, eng *engine, repos []*workspace.Repo) (survey, error) {
	s := survey{reachable: eng != nil, repos: repos}
	var g errgroup.Group
	g.Go(func() (err error) {
		s.trees, s.failed, err = m.treesOf(ctx, repos)
		return err
	})
	var engineErr error
	if eng != nil {
		s.containers, s.images, engineErr = inEngine(ctx, eng)
	}
	err := g.Wait()
	if engineErr != nil && !container.IsUnreachable(engineErr) {
		return survey{}, engineErr
	}
	if engineErr != nil {
		m.noteLost(eng, engineErr)
		s.reachable = false
	}
	return s, err
}

// inEngine is what the engine has: containers of all repositories, as a moved one's have its old name, and images by name.
func inEngine(ctx context.Context, eng *engine) (containers []container.Container, images map[string]string, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		containers, err = eng.List(ctx, container.ListOptions{})
		return err
	})
	g.Go(func() (err error) {
		images, err = eng.images.Named(ctx, tagPattern)
		return err
	})
	return containers, images, g.Wait()
}

// lookTimeout bounds asking git for the checkouts of one repository.
const lookTimeout = 10 * time.Second

// treesOf asks git for the checkouts of each repository. One that git cannot tell of does not take the others away: it is
// among failed. Where there is no other, it is an error.
func (m *Manager) treesOf(ctx context.Context, repos []*workspace.Repo) (trees [][]workspace.Worktree, failed map[string]error, err error) {
	trees, errs := make([][]workspace.Worktree, len(repos)), make([]error, len(repos))
	var g errgroup.Group
	for i, r := range repos {
		g.Go(func() error {
			ctx, cancel := context.WithTimeoutCause(ctx, lookTimeout, fmt.Errorf("git did not tell the checkouts of %s in %s", r.Root, lookTimeout))
			defer cancel()
			trees[i], errs[i] = r.Worktrees(ctx)
			return nil
		})
	}
	_ = g.Wait()
	failed = map[string]error{}
	for i, r := range repos {
		if errs[i] != nil {
			failed[r.Root], err = errs[i], errs[i]
			m.log.Warn("cannot tell the checkouts of a repository", zap.String("repo", r.Root), zap.Error(err))
		}
	}
	if len(failed) < len(repos) {
		err = nil
	}
	return trees, failed, err
}

// item is what a survey found of one instance.
type item struct {
	place      place
	repo       string // where the repository is now
	tree       workspace.Worktree
	containers []container.Container
	newest     string // id of the image that was built for it last
	git        *Git
}

// items collects what belongs to one instance by the repository and the branch it was made as, which its labels and its
// worktree's marker have.
type items struct {
	m   *Manager
	all map[string]*item // by name
}

func (s *items) get(root, branch string) *item {
	p := s.m.place(root, branch)
	if s.all[p.name] == nil {
		s.all[p.name] = &item{place: p, repo: root}
	}
	return s.all[p.name]
}

// survey is what engine and git said.
type survey struct {
	reachable  bool // the engine
	repos      []*workspace.Repo
	trees      [][]workspace.Worktree // by repository
	failed     map[string]error       // by repository: why git tells nothing
	containers []container.Container
	images     map[string]string // ids of the images that hjk-ls named, by name
}

// join makes instances of containers, worktrees and state folders, once sync has told how their commits stand.
func (m *Manager) join(ctx context.Context, s survey, everywhere bool, sync func(context.Context, map[string]*workspace.Repo, map[string]*item)) []Instance {
	found := items{m: m, all: map[string]*item{}}
	byRoot := map[string]*workspace.Repo{}
	for i, r := range s.repos {
		if s.failed[r.Root] == nil {
			byRoot[r.Root] = r
		}
		for _, wt := range s.trees[i] {
			if wt.Branch == "" || wt.Foreign || !wt.Owned && !m.place(r.Root, wt.Branch).exists() {
				continue // no instance, unless a container says so
			}
			it := found.get(wt.MadeRoot, wt.MadeFor)
			it.repo, it.tree, it.place.Now = r.Root, wt, wt.Branch
		}
	}
	for _, c := range s.containers {
		it := found.get(c.Repo, c.Branch)
		it.containers = append(it.containers, c)
	}
	sync(ctx, byRoot, found.all)
	out := []Instance{}
	for _, it := range found.all {
		why := s.failed[it.repo]
		if why != nil {
			it.git = &Git{State: workspace.Held, Message: why.Error()}
		}
		if everywhere || byRoot[it.repo] != nil || why != nil {
			it.newest = s.images[it.place.tag()]
			out = append(out, m.describe(*it, s.reachable))
		}
	}
	slices.SortFunc(out, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(a.Repo, b.Repo), cmp.Compare(a.Branch, b.Branch))
	})
	return out
}

func (m *Manager) describe(it item, reachable bool) Instance {
	p := it.place
	inst := Instance{
		Repo: it.repo, Branch: p.Now, State: StateStopped, Sessions: []Session{},
		Worktree: it.tree.Path, OwnsWorktree: it.tree.Owned, CreatedAt: it.tree.CreatedAt, Git: it.git, place: p,
	}
	inst.Forwarded = m.forwards.of(p.name)
	c, ok := choose(it.containers, p)
	running := ok && c.State == "running"
	inst.Sessions = m.sessions(p.runDirOf(c), running || !reachable)
	inst.Setup = p.setupState(inst.Sessions)
	if running || !ok || !runs(c) { // what is paused goes on by itself
		p.markReturning(inst.Sessions)
	}
	switch {
	case !reachable:
		inst.State = StateUnknown
	case ok:
		m.describeContainer(&inst, c, it)
	default:
		if m.busy(p) {
			inst.State = m.making(p)
			if inst.Setup == setupDue { // whether there is one is not known before the container is made
				inst.Setup = ""
			}
		}
	}
	if !reachable {
		for i := range inst.Sessions { // what the last record says may be long untrue
			inst.Sessions[i].Attached, inst.Sessions[i].Waiting, inst.Sessions[i].WaitingSince = false, false, time.Time{}
		}
	}
	return inst
}

// making tells a build from the rest of what it takes to bring an instance up.
func (m *Manager) making(p place) State {
	if m.store().Building(p.tag()) {
		return StateBuilding
	}
	return StateCreating
}

func (m *Manager) describeContainer(inst *Instance, c container.Container, it item) {
	inst.Container = &Container{ID: c.ID, Name: c.Name, State: c.State, StartedAt: c.StartedAt, ExitCode: c.ExitCode}
	inst.Image = InstanceImage{
		Source: c.Labels[container.LabelImageSource], Ref: c.Labels[container.LabelImageRef],
		ID: c.ImageID, Dockerfile: c.Labels[container.LabelDockerfile], Devcontainer: c.Labels[container.LabelDevcontainer],
	}
	inst.Ports = published(c)
	if c.State == "running" {
		inst.Listening = listening(it.place.runDirOf(c), inst.Ports)
	}
	inst.Image.Stale = inst.Image.Dockerfile != "" && it.newest != "" && it.newest != c.ImageID
	if inst.Worktree == "" {
		inst.Worktree = c.Worktree
	}
	if inst.CreatedAt.IsZero() || inst.CreatedAt.After(c.CreatedAt) {
		inst.CreatedAt = c.CreatedAt
	}
	inst.State = instanceState(c)
	making := c.State == "created" || len(it.containers) > 1 // one is to take the place of the other
	if inst.State == StateStopped && making && m.busy(it.place) {
		inst.State = m.making(it.place)
	}
}

// instanceState folds the engine's container states. A paused container does no work but has lost nothing.
func instanceState(c container.Container) State {
	switch c.State {
	case "running", "restarting":
		return StateRunning
	case "dead":
		return StateFailed
	}
	return StateStopped
}

// busy reports whether somebody changes the instance right now.
func (m *Manager) busy(p place) bool {
	if !p.exists() {
		return false
	}
	l, err := tryLock(p.lock(), shared)
	if err != nil {
		return errors.Is(err, errLocked)
	}
	l.unlock()
	return false
}

func (m *Manager) sessions(runDir string, running bool) []Session {
	states, err := container.Sessions(runDir, running)
	if err != nil {
		return []Session{}
	}
	out := make([]Session, 0, len(states))
	for _, s := range states {
		out = append(out, session(s))
	}
	return out
}

func session(s shim.State) Session {
	if !s.Waiting {
		s.WaitingSince = time.Time{}
	}
	return Session{
		Name: s.Name, Agent: s.Agent, State: s.State, ExitCode: s.ExitCode, Attached: s.Attached,
		CreatedAt: s.CreatedAt, LastUsed: s.LastUsed, Waiting: s.Waiting, WaitingSince: s.WaitingSince, interrupted: s.Interrupted,
	}
}

// instance is one instance as List tells it, or an error with CodeInstanceNotFound.
func (m *Manager) instance(ctx context.Context, eng *engine, r *workspace.Repo, branch string) (Instance, error) {
	p, err := m.placeOf(ctx, r, branch)
	if err != nil {
		return Instance{}, err
	}
	cs, err := eng.List(ctx, container.ListOptions{Repo: p.Repo, Branch: p.Branch})
	if err != nil {
		return Instance{}, wrap(err, CodeEngineFailed)
	}
	wt, _, err := r.Find(ctx, branch)
	if err != nil {
		return Instance{}, wrap(err, CodeWorktreeFailed)
	}
	if len(cs) == 0 && !wt.Owned && !p.exists() {
		return Instance{}, noInstance(branch)
	}
	it := item{place: p, repo: r.Root, tree: wt, containers: cs}
	if img, err := eng.images.Inspect(ctx, p.tag()); err == nil {
		it.newest = img.ID
	}
	if wt.Path != "" {
		it.git = m.sync(ctx, r, wt, p)
	}
	return m.describe(it, true), nil
}

func noInstance(branch string) error {
	return Errorf(CodeInstanceNotFound, "there is no instance of branch %q; start one with: %s", branch, hjk("run", branch))
}
