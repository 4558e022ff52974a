package agents

import (
	"net/url"
	"path/filepath"
)

func (f Feedback) step(message string) {
	if f.Step != nil {
		f.Step(message)
	}
}

func (f Feedback) output(line string) {
	if f.Output != nil {
		f.Output(line)
	}
}

func (f Feedback) build(e BuildEvent) {
	if f.Build != nil {
		f.Build(e)
	}
}

func fileURI(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}

func (m *Manager) consentFile() string { return filepath.Join(m.opts.StateDir, "consent.json") }
