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
		if agent, ok := s.place.startedAs(se); ok && se.State == "running" && notReserved(se.Name) == nil {
			se.Agent = agent
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

// trial is a session that goes on where it was, if it can: plain is how it begins anew.
type trial struct {
	name  string
	plain command
}

// resume starts sessions again, each with its name and its agent, which goes on where it was if it can. What does not
// start is told, and stops nothing. begun are sessions that were started already.
func (s *swap) resume(ctx context.Context, in resumption, sessions []Session, begun ...trial) {
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	tried := begun
	for _, se := range sessions {
		s.fb.step("starting session " + se.Name)
		t, err := s.again(ctx, in, se)
		if err != nil {
			s.warnings = append(s.warnings, lostSession(se.Name, err))
			continue
		}
		s.resumed = append(s.resumed, se.Name)
		tried = append(tried, t)
	}
	tried = slices.DeleteFunc(tried, func(t trial) bool { return len(t.plain.resume) == 0 })
	for _, t := range s.failAtOnce(ctx, tried) {
		if err := s.begin(ctx, in, t.name, t.plain); err != nil {
			s.warnings = append(s.warnings, lostSession(t.name, err))
		}
	}
}

func lostSession(name string, err error) string {
	return fmt.Sprintf("session %s did not come back: %v", name, err)
}

func (s *swap) again(ctx context.Context, in resumption, se Session) (trial, error) {
	plain, err := s.m.sessionCommand(ctx, s.wish, se.Agent, "", s.env)
	if err != nil {
		return trial{}, err
	}
	if err := s.m.allowCredential(plain, s.wish, in.image, s.fb); err != nil {
		return trial{}, err
	}
	if plain, err = plain.in(in.dir); err != nil {
		return trial{}, err
	}
	return trial{se.Name, plain}, s.begin(ctx, in, se.Name, plain.resumed())
}

// begin starts a session under exactly its name. That somebody else has brought it back meanwhile is as good.
func (s *swap) begin(ctx context.Context, in resumption, name string, c command) error {
	req := c.start(in.dir)
	req.Name, req.Exact, req.Home, req.User = name, true, in.home, in.user
	_, err := s.eng.StartSession(ctx, in.id, in.user, req)
	if err != nil && !runsAlready(err) {
		return err
	}
	s.m.keepRan(s.place, name, c.agent)
	return nil
}

// failAtOnce are those that end with an error within a moment.
func (s *swap) failAtOnce(ctx context.Context, tried []trial) (failed []trial) {
	for end := time.Now().Add(resumeTrial); len(tried) > 0 && time.Now().Before(end) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		states, err := container.Sessions(s.place.runDir(), true)
		if err != nil {
			return failed
		}
		for _, st := range states {
			at := slices.IndexFunc(tried, func(t trial) bool { return t.name == st.Name })
			if at < 0 || st.State != "exited" {
				continue
			}
			if st.ExitCode == nil || *st.ExitCode != 0 {
				failed = append(failed, tried[at])
			}
			tried = slices.Delete(tried, at, at+1)
		}
	}
	return failed
}
