package agents

import (
	"os"
	"slices"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/server/builds"
)

// question asks whether the instances on an older image of a unit are to be recreated. One question is open about an instance, in all
// editors of a user: who asks holds a lock, which the kernel takes from one that is killed. An open question is never withdrawn or
// asked again, as VS Code would show both: its answer counts for the image that is the newest then.
func (f *follow) question(u builds.Unit) {
	f.mu.Lock()
	_, open := f.questions[u.Key()]
	f.questions[u.Key()] = open
	f.mu.Unlock()
	if !open {
		f.work.Go(func() { f.askUntilNothingIsLeft(u) })
	}
}

// askUntilNothingIsLeft asks, and looks again after each answer: there may be a newer image, or another instance, that no question
// was about.
func (f *follow) askUntilNothingIsLeft(u builds.Unit) {
	answered := map[string]string{} // by container: the image that was the newest when its user answered
	for {
		asked := f.ask(u, answered)
		f.mu.Lock()
		again := f.questions[u.Key()] || asked
		f.questions[u.Key()] = false
		if !again || f.life.Err() != nil {
			delete(f.questions, u.Key())
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
	}
}

// ask puts a question and does what the answer was, before another editor may ask. It is false where there was nothing to ask, or nobody.
func (f *follow) ask(u builds.Unit, answered map[string]string) bool {
	about, locks := f.toAsk(u, answered)
	defer func() {
		for _, l := range locks {
			l.removeAndUnlock()
		}
	}()
	if len(about) == 0 {
		return false
	}
	yes, asked := f.h.Recreate(f.life, slices.Clone(about))
	if f.life.Err() != nil || !asked {
		return false
	}
	image := f.m.newest(u) // also one that was built while the question was open
	for _, i := range about {
		answered[i.Container.Name] = image
		if !yes {
			f.m.refuseImage(i, image)
		}
	}
	if yes {
		f.recreate(about)
	}
	return true
}

// toAsk are the instances that a question is to be about, each with its lock. They are looked at again under it: another editor's
// question may have been answered meanwhile. Where one is open that editor looks again after its answer.
func (f *follow) toAsk(u builds.Unit, answered map[string]string) (about []Instance, locks []*instanceLock) {
	locked := map[string]*instanceLock{}
	for _, i := range f.older(f.life, u) {
		if l, err := tryLock(f.m.placeOfContainer(i).question(), exclusive); err == nil {
			locked[i.Container.Name] = l
		}
	}
	if len(locked) == 0 {
		return nil, nil
	}
	image := f.m.newest(u)
	for _, i := range f.older(f.life, u) {
		name := i.Container.Name
		if l := locked[name]; l != nil && f.m.refusedImage(i) != image && answered[name] != image {
			about = append(about, i)
			locks = append(locks, l)
			delete(locked, name)
		}
	}
	for _, l := range locked {
		l.removeAndUnlock()
	}
	return about, locks
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
