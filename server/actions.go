package server

import (
	"context"
	"encoding/json"

	"go.lsp.dev/protocol"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// CodeAction offers what can be done about a step that failed.
func (s *Server) CodeAction(_ context.Context, p *protocol.CodeActionParams) ([]protocol.CommandOrCodeAction, error) {
	actions := []protocol.CommandOrCodeAction{}
	v, ok := s.view(p.TextDocument.URI)
	if !ok || v.facts.Checkout == "" {
		return actions, nil
	}
	for _, f := range v.failures() {
		if f.Range.End.Line < p.Range.Start.Line || p.Range.End.Line < f.Range.Start.Line {
			continue
		}
		kind := protocol.CodeActionKindQuickFix
		add := func(title, command string, args any) {
			raw, err := json.Marshal(args)
			if err == nil {
				actions = append(actions, &protocol.CodeAction{Title: title, Kind: &kind, Diagnostics: []protocol.Diagnostic{plainDiagnostic(f.Diagnostic)}, Command: protocol.Command{
					Title: title, Command: command, Arguments: []protocol.LSPAny{protocol.LSPAny(raw)},
				}})
			}
		}
		add("Show the build's log", "hjk-ls.buildLog", agents.BuildLogArgs{Workspace: v.facts.Checkout, Dockerfile: v.path, Target: f.target, Show: true})
		add("Build again", "hjk-ls.build", agents.BuildArgs{Workspace: v.facts.Checkout, Dockerfile: v.path, Target: f.target})
		add("Build again without cache", "hjk-ls.build", agents.BuildArgs{Workspace: v.facts.Checkout, Dockerfile: v.path, Target: f.target, NoCache: true})
	}
	return actions, nil
}
