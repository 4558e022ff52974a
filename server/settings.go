package server

import (
	"context"
	"encoding/json"
	"slices"

	"go.lsp.dev/protocol"

	"github.com/gilmanlab/hjk-ls/internal/fileuri"
)

// section is the name of our settings in an editor.
const section = "headjack"

// settings takes what a client sent: our section, alone or under its name. Settings that are not understood are told
// to the user, and those before them stay.
func (s *Server) settings(raw json.RawMessage) {
	var wrapped map[string]json.RawMessage
	if json.Unmarshal(raw, &wrapped) == nil {
		if _, ok := wrapped["trusted"]; ok { // of initializationOptions: not a setting
			s.trust(raw)
			delete(wrapped, "trusted")
			raw, _ = json.Marshal(wrapped)
		}
		if inner, ok := wrapped[section]; ok {
			raw = inner
		}
	}
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	if err := s.agents.SetSettings(raw); err != nil {
		s.showMessage(protocol.MessageTypeError, err.Error())
	}
}

// trust takes {trusted}: whether the editor trusts its folders.
func (s *Server) trust(raw json.RawMessage) {
	var p struct {
		Trusted *bool `json:"trusted"`
	}
	if json.Unmarshal(raw, &p) == nil && p.Trusted != nil {
		s.agents.SetTrusted(*p.Trusted)
	}
}

// pullSettings asks a client that keeps settings by section.
func (s *Server) pullSettings() {
	ctx, cancel := context.WithTimeout(s.life, askTime)
	defer cancel()
	name := section
	all, err := s.client.Configuration(ctx, &protocol.ConfigurationParams{Items: []protocol.ConfigurationItem{{Section: &name}}})
	if err == nil && len(all) == 1 {
		s.settings(json.RawMessage(all[0]))
	}
}

// DidChangeConfiguration takes pushed settings, or asks for them.
func (s *Server) DidChangeConfiguration(_ context.Context, p *protocol.DidChangeConfigurationParams) error {
	s.mu.Lock()
	pull := s.caps.configuration
	s.mu.Unlock()
	if pull {
		s.background.Go(s.pullSettings)
		return nil
	}
	s.settings(json.RawMessage(p.Settings))
	return nil
}

// DidChangeWorkspaceFolders follows the editor's folders.
func (s *Server) DidChangeWorkspaceFolders(_ context.Context, p *protocol.DidChangeWorkspaceFoldersParams) error {
	var passedOver []error
	s.mu.Lock()
	for _, f := range p.Event.Removed {
		gone := pathOf(string(f.URI))
		s.folders = slices.DeleteFunc(s.folders, func(have string) bool { return have == gone })
	}
	for _, f := range p.Event.Added {
		path, err := fileuri.Path(string(f.URI))
		if err != nil {
			passedOver = append(passedOver, err)
		} else if !slices.Contains(s.folders, path) {
			s.folders = append(s.folders, path)
		}
	}
	folders := slices.Clone(s.folders)
	s.mu.Unlock()
	s.tellPassedOver(passedOver)
	s.agents.SetFolders(folders)
	return nil
}

// SetTrace is accepted; there is no trace to set.
func (s *Server) SetTrace(context.Context, *protocol.SetTraceParams) error { return nil }
