package agents

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
)

// An instance's container is never removed before the one that takes its place runs. Meanwhile it stands aside, stopped, under
// another name. What it was is written down before it is touched, so that whoever comes after a kill finishes the exchange or takes
// it back: settle for the containers and their names, restore for what ran.

// asideSuffix names the container of an instance that stands aside.
const asideSuffix = "-old"

// exchangeRecord is what an instance was before an exchange of its container that is going on, or was cut off.
type exchangeRecord struct {
	Old      string    `json:"old"` // the id of the container that stands aside
	Running  bool      `json:"running"`
	Sessions []Session `json:"sessions,omitempty"` // that ran in it
}

func (p place) exchange() string { return filepath.Join(p.dir(), "exchange.json") }

// beginExchange writes down what there is before an exchange.
func (p place) beginExchange(r exchangeRecord) error { return writeState(p.exchange(), r) }

// endExchange forgets what was before an exchange that has ended, either way.
func (p place) endExchange() error {
	err := os.Remove(p.exchange())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// exchanged is what there was before an exchange that has not ended.
func (p place) exchanged() (r exchangeRecord, ok bool) {
	b, err := os.ReadFile(p.exchange())
	return r, err == nil && json.Unmarshal(b, &r) == nil && r.Old != ""
}

// aside makes room for the container that is to take the place of old, which does not run.
func (m *Manager) aside(ctx context.Context, eng *engine, p place, old container.Container) error {
	if old.Name != p.name {
		return nil
	}
	err := eng.Rename(ctx, old.ID, p.name+asideSuffix)
	if errdefs.IsNotFound(err) { // somebody else has removed it since, and the name is free
		return nil
	}
	return err
}

// putBack removes what was to take the place of a container, and gives that one its name again.
func (m *Manager) putBack(ctx context.Context, eng *engine, p place, old string) error {
	if err := m.removeOthers(ctx, eng, p, old); err != nil {
		return err
	}
	now, err := eng.Inspect(ctx, old)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if now.Name != p.name {
		return eng.Rename(ctx, old, p.name)
	}
	return nil
}

// removeOthers removes the containers of an instance but one.
func (m *Manager) removeOthers(ctx context.Context, eng *engine, p place, but string) error {
	all, err := m.containers(ctx, eng, p)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range all {
		if c.ID != but {
			errs = append(errs, eng.Remove(ctx, c.ID))
		}
	}
	return errors.Join(errs...)
}

// runs reports whether a container holds what a running one does: its ports, and processes that write to worktree and home.
func runs(c container.Container) bool {
	return c.State == "running" || c.State == "paused" || c.State == "restarting"
}

// restore ends an exchange that was cut off, for who holds the instance exclusively: the container that ran before it runs again, or
// the one that took its place goes on, and so do the sessions.
func (s *swap) restore(ctx context.Context) error {
	was, cut := s.place.exchanged()
	if !cut {
		return nil
	}
	c, ok, err := s.m.settle(ctx, s.eng, s.place)
	if err != nil {
		return err
	}
	if ok && was.Running {
		s.revive(ctx, c, was)
	}
	return s.place.endExchange()
}

// revive starts what ran. What does not start is told, and stops nothing: the container is there.
func (s *swap) revive(ctx context.Context, c container.Container, was exchangeRecord) {
	s.fb.step("bringing back container " + c.Name + ", whose exchange was cut off")
	if !runs(c) {
		if _, err := s.eng.Start(ctx, c.ID, nil); err != nil {
			s.m.log.Warn("cannot start a container again", zap.String("container", c.Name), zap.Error(err))
			return
		}
	}
	s.resume(ctx, resumption{c.ID, c.ImageID, c.Worktree, c.Labels[container.LabelHome], c.Labels[container.LabelUser]}, was.Sessions)
	for _, w := range s.warnings {
		s.m.log.Warn("after an exchange that was cut off", zap.String("branch", s.place.Now), zap.String("warning", w))
	}
	s.warnings = nil
}

// requested is the image that the instance was asked to be made from, "" where nobody asked for one.
func (p place) requested() string { return p.read().Image }

// remember keeps the image that the instance was asked to be made from, for when its container is gone. What a run asked for that
// was cut off before its container ran counts for nothing: the next one would wait for a build that its user gave up.
func (p place) remember(image string) error {
	if image == "" || image == p.requested() {
		return nil
	}
	return writeState(p.record(), placeRecord{Repo: p.Repo, Branch: p.Branch, Image: image})
}

// keepRequest makes the instance anew from what it was asked to be made from, unless the request says otherwise.
func (w *wish) keepRequest(p place) { w.image = cmp.Or(w.image, p.requested()) }

// writeState replaces a file of the state folder as a whole.
func writeState(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
