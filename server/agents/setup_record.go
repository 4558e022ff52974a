package agents

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// How far the setup of an instance has come. Where nothing is recorded there is nothing to do: it has ended well, or there was none when
// the instance was made.
const (
	setupDue     = "due"     // it has not begun
	setupRunning = "running" // it has begun; unless a session runs it was cut off
	setupFailed  = "failed"
)

// setupRecord is kept in the state folder, where no agent can write, from when an instance is made until its setup has ended well: also
// after a kill the next run knows that it has not.
type setupRecord struct {
	State string `json:"state"`
	// Before is when the session of the setup before this one was made, which may be there still.
	Before time.Time `json:"before,omitzero"`
	// Sessions ran in the container before it was recreated, and come back after the setup.
	Sessions []Session `json:"sessions,omitempty"`
}

func (p place) setupFile() string { return filepath.Join(p.dir(), "setup.json") }

// setupLock is held while the setup runs. It is another than the instance's, so that stop, rm and a look inside do not wait for it.
func (p place) setupLock() string { return filepath.Join(p.state, "locks", p.name+".setup") }

// setup is what is recorded, with an empty State where there is nothing to do.
func (p place) setup() (r setupRecord) {
	b, err := os.ReadFile(p.setupFile())
	if err != nil || json.Unmarshal(b, &r) != nil {
		return setupRecord{}
	}
	return r
}

func (p place) recordSetup(r setupRecord) error { return writeState(p.setupFile(), r) }

// endSetup forgets a setup that has ended well, or that nobody wants.
func (p place) endSetup() error {
	if err := os.Remove(p.setupFile()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// expectSetup records of an instance that is made just now that its setup is to come.
func (p place) expectSetup() error {
	if err := os.MkdirAll(p.dir(), 0o700); err != nil {
		return unwritable(err)
	}
	return p.recordSetup(setupRecord{State: setupDue})
}

// setupState is what an instance tells of its setup.
func (p place) setupState(sessions []Session) string {
	r := p.setup()
	if r.State != setupRunning {
		return r.State
	}
	for _, s := range sessions {
		if s.Name == setupSession && s.State == "running" {
			return setupRunning
		}
	}
	return setupFailed // cut off
}
