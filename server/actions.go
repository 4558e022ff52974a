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
	for _, d := range v.failures() {
		if d.Range.End.Line < p.Range.Start.Line || p.Range.End.Line < d.Range.Start.Line {
			continue
		}
		target := v.failedTarget()
		kind := protocol.CodeActionKindQuickFix
		add := func(title, command string, args any) {
			raw, err := json.Marshal(args)
			if err == nil {
				actions = append(actions, &protocol.CodeAction{Title: title, Kind: &kind, Diagnostics: []protocol.Diagnostic{d}, Command: protocol.Command{
					Title: title, Command: command, Arguments: []protocol.LSPAny{protocol.LSPAny(raw)},
				}})
			}
		}
		add("Show the build's log", "hjk-ls.buildLog", agents.BuildLogArgs{Workspace: v.facts.Checkout, Dockerfile: v.path, Target: target, Show: true})
		add("Build again", "hjk-ls.build", agents.BuildArgs{Workspace: v.facts.Checkout, Dockerfile: v.path, Target: target})
		add("Build again without cache", "hjk-ls.build", agents.BuildArgs{Workspace: v.facts.Checkout, Dockerfile: v.path, Target: target, NoCache: true})
	}
	return actions, nil
}

// failedTarget is the target of the last build that failed.
func (v view) failedTarget() string {
	for _, rec := range v.facts.Records {
		if rec.Failed != nil {
			return rec.Target
		}
	}
	return ""
}
