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
		agreed, asked := f.ask(u, answered)
		f.recreate(agreed)
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

// ask puts a question, and gives the instances for which the answer was yes. asked is false where there was nothing to ask, or nobody.
func (f *follow) ask(u builds.Unit, answered map[string]string) (agreed []Instance, asked bool) {
	about, locks := f.toAsk(u, answered)
	defer func() {
		for _, l := range locks {
			l.removeAndUnlock()
		}
	}()
	if len(about) == 0 {
		return nil, false
	}
	yes, asked := f.h.Recreate(f.life, slices.Clone(about))
	if f.life.Err() != nil || !asked {
		return nil, false
	}
	image := f.m.newest(u) // also one that was built while the question was open
	for _, i := range about {
		answered[i.Container.Name] = image
		if !yes {
			f.m.refuseImage(i, image)
		}
	}
	if !yes {
		return nil, true
	}
	return about, true
}

// toAsk are the instances that a question is to be about, each with its lock.
func (f *follow) toAsk(u builds.Unit, answered map[string]string) (about []Instance, locks []*instanceLock) {
	image := f.m.newest(u)
	for _, i := range f.older(f.life, u) {
		if f.m.refusedImage(i) == image || answered[i.Container.Name] == image {
			continue
		}
		l, err := tryLock(f.m.placeOfContainer(i).question(), exclusive)
		if err != nil { // another editor's question is open; that editor looks again after its answer
			continue
		}
		locks = append(locks, l)
		about = append(about, i)
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
