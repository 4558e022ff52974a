package agents

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
)

// What an instance's sessions were started as is kept beside it, where no agent can write: what they say of themselves in the run
// folder decides whether they come back, and not what comes back with whose credentials.

// maxRan is from how many records on those are looked for that nobody needs.
const maxRan = 64

// ranRecord is one session that was started.
type ranRecord struct {
	Agent   string `json:"agent"`
	Stopped bool   `json:"stopped,omitempty"` // it ran when `stop` was asked for
	Offered bool   `json:"offered,omitempty"` // an editor has asked whether it is to come back
}

func (p place) ranDir() string             { return filepath.Join(p.dir(), "ran") }
func (p place) ranFile(name string) string { return filepath.Join(p.ranDir(), name+".json") }

// keepRan writes down that a session was started.
func (m *Manager) keepRan(p place, name, agent string) {
	p.pruneRan()
	m.writeRan(p, name, ranRecord{Agent: agent})
}

// writeRan goes wrong without a word to the user: the session runs, and only does not come back.
func (m *Manager) writeRan(p place, name string, r ranRecord) {
	err := os.Mkdir(p.ranDir(), 0o700)
	if err == nil || os.IsExist(err) {
		err = writeState(p.ranFile(name), r)
	}
	if err != nil {
		m.log.Warn("cannot write down what runs", zap.String("branch", p.Now), zap.String("session", name), zap.Error(err))
	}
}

// keepStopped writes down which sessions ran when their container was stopped, for what does not know it by itself. Who stopped
// them knows that they do not run, and is not asked by an editor.
func (m *Manager) keepStopped(p place, ran []Session) {
	for _, s := range ran {
		if r, ok := p.readRan(s.Name); ok && s.State == "running" {
			r.Stopped, r.Offered = true, true
			m.writeRan(p, s.Name, r)
		}
	}
}

func (p place) forgetRan(name string) { _ = os.Remove(p.ranFile(name)) }

func (p place) readRan(name string) (r ranRecord, ok bool) {
	b, err := os.ReadFile(p.ranFile(name))
	return r, err == nil && json.Unmarshal(b, &r) == nil && r.Agent != ""
}

// startedAs is the agent that a session was started as. What it says itself counts only in an instance of an hjk-ls that wrote
// down nothing: an agent could have itself started again as another, with that one's credentials.
func (p place) startedAs(s Session) (agent string, ok bool) {
	if r, ok := p.readRan(s.Name); ok {
		return r.Agent, true
	}
	_, err := os.Stat(p.ranDir())
	return s.Agent, errors.Is(err, fs.ErrNotExist)
}

// pruneRan forgets sessions that have ended by themselves.
func (p place) pruneRan() {
	files, err := os.ReadDir(p.ranDir())
	if err != nil || len(files) < maxRan {
		return
	}
	states, err := container.Sessions(p.runDir(), true)
	if err != nil {
		return
	}
	keep := map[string]bool{}
	for _, s := range states {
		r, _ := p.readRan(s.Name)
		keep[s.Name+".json"] = s.State == "running" || s.Interrupted || r.Stopped
	}
	for _, f := range files {
		if !keep[f.Name()] {
			_ = os.Remove(filepath.Join(p.ranDir(), f.Name()))
		}
	}
}

// markReturning says which sessions would come back: those that hjk-ls started, and whose container ended under them.
func (p place) markReturning(all []Session) {
	for i := range all {
		if s := &all[i]; s.State == "exited" {
			r, ok := p.readRan(s.Name)
			s.ComesBack = ok && (s.interrupted || r.Stopped)
		}
	}
}

// returning are the sessions that would come back, the one that was used last first, each with the agent that it was started as.
func (m *Manager) returning(p place, running bool) (back []Session) {
	all := m.sessions(p.runDir(), running)
	p.markReturning(all)
	for _, s := range all {
		if r, ok := p.readRan(s.Name); ok && s.ComesBack {
			s.Agent = r.Agent
			back = append(back, s)
		}
	}
	slices.SortStableFunc(back, func(a, b Session) int { return b.LastUsed.Compare(a.LastUsed) })
	return back
}
