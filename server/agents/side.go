package agents

import (
	"sync"
	"time"
)

const (
	// atOnce is how many instances are looked at side by side.
	atOnce = 4
	// slow is when one of them does not count any more: an agent that makes its instance slow to look at must not make
	// others wait.
	slow = time.Second
)

// sideBySide does something for many instances, each within its own time limit. The zero value is ready.
type sideBySide struct {
	once  sync.Once
	slots chan struct{}
	all   sync.WaitGroup
}

// do begins f, as soon as fewer than atOnce are going on that are not slow.
func (s *sideBySide) do(f func()) {
	s.once.Do(func() { s.slots = make(chan struct{}, atOnce) })
	s.slots <- struct{}{}
	free := sync.OnceFunc(func() { <-s.slots })
	late := time.AfterFunc(slow, free)
	s.all.Go(func() {
		defer func() {
			late.Stop()
			free()
		}()
		f()
	})
}

func (s *sideBySide) wait() { s.all.Wait() }
