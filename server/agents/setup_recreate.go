package agents

import (
	"context"

	"go.uber.org/zap"
)

// wantsSetup gets the consent that the setup in the new container needs, before the old one is touched.
func (s *swap) wantsSetup(dir, image string) error {
	if anew, err := s.m.anew(s.wish, s.place, dir); s.noSetup || err != nil || !anew {
		return err
	}
	s.setsUp = true
	return s.m.allowSetup(s.wish, s.place, dir, image, s.fb)
}

// anew reports whether each new container of an instance has its setup.
func (m *Manager) anew(w wish, p place, dir string) (bool, error) {
	if !w.config.Setup.OnRecreate {
		return false, nil
	}
	commands, err := m.setupOf(w, p, dir)
	return len(commands.Words) > 0, err
}

// comeBack starts the sessions that ran, or leaves it to the end of the setup.
func (s *swap) comeBack(ctx context.Context, in resumption) {
	if s.setsUp {
		was := s.place.setup()
		err := s.place.recordSetup(setupRecord{State: setupDue, Sessions: append(was.Sessions, s.sessions...)})
		if err == nil {
			return
		}
		s.m.log.Warn("cannot record that a setup is to come", zap.String("branch", s.place.Now), zap.Error(err))
		s.setsUp = false
	}
	s.resume(ctx, in, s.sessions)
}

// setUp runs the setup in the new container, after which the sessions come back. It is called without the instance's lock.
func (s *swap) setUp(ctx context.Context) error {
	up := &bringUp{m: s.m, eng: s.eng, fb: s.fb, place: s.place, wish: s.wish}
	err := up.setUp(ctx)
	s.warnings = append(s.warnings, up.warnings...)
	return err
}

// expectAnew records that a container which takes the place of another, or of one that is gone, has its setup again, where the settings
// want that.
func (u *bringUp) expectAnew(dir string) error {
	if u.made || u.noSetup || u.again || u.place.setup().State != "" {
		return nil
	}
	if anew, err := u.m.anew(u.wish, u.place, dir); err != nil || !anew {
		return err
	}
	u.undo = append(u.undo, func(context.Context) error { return u.place.endSetup() })
	return u.place.expectSetup()
}
