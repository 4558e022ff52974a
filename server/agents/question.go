package agents

import (
	"context"
	"os"
	"slices"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/server/builds"
)

// question is whether the instances of one unit are to be recreated. There is one at a time about an instance, in all editors
// of a user: who asks holds a lock, which the kernel takes from one that is killed.
type question struct {
	unit   builds.Unit
	cancel context.CancelFunc
	over   chan struct{} // closed when nobody is asked any more
}

// question asks about the newest image of a unit, in the place of the question that is open about an older one.
func (f *follow) question(u builds.Unit) {
	ctx, cancel := context.WithCancel(f.life)
	q := &question{u, cancel, make(chan struct{})}
	f.mu.Lock()
	before := f.questions[u.Key()]
	f.questions[u.Key()] = q
	f.mu.Unlock()
	f.work.Go(func() {
		if before != nil {
			before.cancel()
			<-before.over
		}
		agreed := f.ask(ctx, u)
		cancel()
		f.mu.Lock()
		if f.questions[u.Key()] == q {
			delete(f.questions, u.Key())
		}
		f.mu.Unlock()
		close(q.over)
		if len(agreed) > 0 {
			f.recreate(agreed)
		}
	})
}

// renew asks anew when another process built a newer image than the one that a question of this editor is about.
func (f *follow) renew(key string) {
	f.mu.Lock()
	q := f.questions[key]
	f.mu.Unlock()
	if q != nil {
		f.question(q.unit)
	}
}

// ask puts the question, and gives the instances for which the answer was yes.
func (f *follow) ask(ctx context.Context, u builds.Unit) []Instance {
	var about []Instance
	var locks []*instanceLock
	for _, i := range f.older(ctx, u) {
		if f.m.refusedImage(i) == f.m.newest(u) {
			continue
		}
		if l, err := tryLock(f.m.placeOfContainer(i).question(), exclusive); err == nil { // else another editor's question is open
			locks = append(locks, l)
			about = append(about, i)
		}
	}
	defer func() {
		for _, l := range locks {
			l.removeAndUnlock()
		}
	}()
	if len(about) == 0 || ctx.Err() != nil {
		return nil
	}
	yes, answered := f.h.Recreate(ctx, slices.Clone(about))
	if ctx.Err() != nil || !answered {
		return nil
	}
	if yes {
		return about
	}
	for _, i := range about {
		f.m.refuseImage(i, f.m.newest(u)) // also one that was built while the question was open
	}
	return nil
}

func (m *Manager) placeOfContainer(i Instance) place {
	return place{Repo: i.Repo, Branch: i.Branch, Now: i.Branch, name: i.Container.Name, state: m.opts.StateDir}
}

func (m *Manager) refusedImage(i Instance) string {
	b, err := os.ReadFile(m.placeOfContainer(i).refused())
	if err != nil {
		return "" // nobody was asked
	}
	return string(b)
}

func (m *Manager) refuseImage(i Instance, image string) {
	if err := os.WriteFile(m.placeOfContainer(i).refused(), []byte(image), 0o600); err != nil && !os.IsNotExist(err) {
		m.log.Warn("cannot remember an answer", zap.String("branch", i.Branch), zap.Error(err))
	}
}
