package agents

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gilmanlab/hjk-ls/container"
)

// live are the sessions that run, to be started again in another container.
func (s *swap) live(running bool) []Session {
	var all []Session
	if !running {
		return nil
	}
	for _, se := range s.m.sessions(s.place.runDir(), true) {
		if se.State == "running" && notReserved(se.Name) == nil {
			all = append(all, se)
		}
	}
	slices.SortFunc(all, func(a, b Session) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return all
}

// resumeTrial is how long an agent has to show that it can go on: one that has nothing to go on with ends at once.
const resumeTrial = 2 * time.Second

// resumption is the container that sessions are started in again.
type resumption struct{ id, image, dir, home, user string }

// resume starts sessions again, each with its name and its agent, which goes on where it was if it can. What does not
// start is told, and stops nothing.
func (s *swap) resume(ctx context.Context, in resumption, sessions []Session) {
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	for _, se := range sessions {
		s.fb.step("starting session " + se.Name)
		if err := s.again(ctx, in, se); err != nil {
			s.warnings = append(s.warnings, fmt.Sprintf("session %s did not come back: %v", se.Name, err))
		}
	}
}

func (s *swap) again(ctx context.Context, in resumption, se Session) error {
	plain, err := s.m.sessionCommand(ctx, s.wish, se.Agent, "", nil)
	if err != nil {
		return err
	}
	if err := s.m.allowCredential(plain, s.wish, in.image, s.fb); err != nil {
		return err
	}
	if plain, err = plain.in(in.dir); err != nil {
		return err
	}
	start := func(c command) error {
		req := c.start(in.dir)
		req.Name, req.Exact, req.Home, req.User = se.Name, true, in.home, in.user
		_, err := s.eng.StartSession(ctx, in.id, in.user, req)
		return err
	}
	first := plain.resumed()
	if err := start(first); err != nil || len(first.argv) == len(plain.argv) {
		return err
	}
	if s.failsAtOnce(ctx, se.Name) {
		return start(plain)
	}
	return nil
}

// failsAtOnce reports whether a session ends with an error within a moment.
func (s *swap) failsAtOnce(ctx context.Context, name string) bool {
	for end := time.Now().Add(resumeTrial); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		states, err := container.Sessions(s.place.runDir(), true)
		if err != nil {
			return false
		}
		for _, st := range states {
			if st.Name == name && st.State == "exited" {
				return st.ExitCode == nil || *st.ExitCode != 0
			}
		}
	}
	return false
}
