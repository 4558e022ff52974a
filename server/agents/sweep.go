package agents

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
)

// sweep finishes what killed processes left: a state folder whose instance has neither a container nor a worktree is
// what is left of a run that had not got far, or of a remove that had. Instances that somebody works on are passed
// over. What it cannot do now it leaves for the next time. A Manager sweeps once, before its first run or after its first
// remove.
func (m *Manager) sweep(ctx context.Context, eng *engine) {
	m.swept.Do(func() { m.sweepAll(ctx, eng) })
}

func (m *Manager) sweepAll(ctx context.Context, eng *engine) {
	places, err := m.places()
	if err != nil || len(places) == 0 {
		return
	}
	all, err := eng.List(ctx, container.ListOptions{})
	if err != nil {
		return
	}
	alive := map[string]bool{}
	for _, c := range all {
		alive[m.place(c.Repo, c.Branch).name] = true
	}
	var side sideBySide
	for _, p := range places {
		if _, cut := p.exchanged(); alive[p.name] && !cut {
			continue
		}
		side.do(func() {
			ctx, cancel := context.WithTimeoutCause(ctx, sweepTimeout, fmt.Errorf("it did not end in %s", sweepTimeout))
			defer cancel()
			if err := m.sweepOne(ctx, eng, p); err != nil {
				m.log.Warn("cannot finish an interrupted operation", zap.String("repo", p.Repo), zap.String("branch", p.Branch), zap.Error(err))
			}
		})
	}
	side.wait()
}

// sweepTimeout bounds the sweeping of one instance; what it did not get to is for the next time.
const sweepTimeout = 45 * time.Second

func (m *Manager) sweepOne(ctx context.Context, eng *engine, p place) error {
	l, err := tryLock(p.lock(), exclusive)
	if err != nil {
		return nil // somebody works on it
	}
	defer m.release(l, p)
	if _, cut := p.exchanged(); cut {
		return m.restore(ctx, eng, p)
	}
	if _, ok, err := m.observe(ctx, eng, p); err != nil || ok || m.hasWorktree(ctx, p) {
		return err
	}
	if err := m.keep(ctx, p); err != nil {
		return err // the next sweep tries again
	}
	if err := m.discard(ctx, eng, p); err != nil {
		return err
	}
	return p.remove(m.own)
}

// restore ends an exchange of an instance's container that was cut off.
func (m *Manager) restore(ctx context.Context, eng *engine, p place) error {
	r, err := m.open(ctx, p.Repo)
	if err != nil {
		return err
	}
	config, values, err := m.config(r)
	if err != nil {
		return err
	}
	s := swap{m: m, target: target{r, eng, p}, wish: wish{repo: r, config: config, values: values}}
	return s.restore(ctx)
}

// keep brings over what was committed inside a container that is gone, such as one removed from outside while the main
// checkout was on another branch. It stays under the instance's references, and what only git inside knew in the trash.
func (m *Manager) keep(ctx context.Context, p place) error {
	r, err := m.open(ctx, p.Repo)
	if err != nil {
		return err
	}
	m.syncAway(ctx, r, p)
	_, err = m.keepRefs(ctx, r.Private(r.Away(p.Now), p.gitDir(), p.name))
	return err
}

// hasWorktree reports whether the instance's branch is checked out; when git cannot tell, it says yes.
func (m *Manager) hasWorktree(ctx context.Context, p place) bool {
	r, err := m.open(ctx, p.Repo)
	if err != nil {
		return true
	}
	_, found, err := r.Find(ctx, p.Branch)
	return err != nil || found // also where the repository is gone: its disk may be back tomorrow
}
