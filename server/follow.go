package server

import (
	"context"
	"fmt"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// follow tells of instances and builds until the connection ends.
func (s *Server) follow() {
	s.background.Go(func() {
		shown := ""
		var offers offerer
		s.agents.Watch(s.life, func(snap agents.Snapshot) {
			s.notify("hjk/instances", snap)
			offers.see(s, snap)
			if now := forLenses(snap.Instances); now != shown {
				shown = now
				s.refresh()
			}
		})
	})
	s.background.Go(func() {
		s.agents.FollowBuilds(s.life, agents.BuildHooks{
			Begin: s.unasked,
			Build: s.tellBuild,
			Facts: func(path string) {
				s.diagnose(path)
				s.refresh()
			},
			Plan: func() {
				s.diagnoseAll()
				s.refresh()
			},
			Recreate: s.askToRecreate,
			Note:     func(text string) { s.showMessage(protocol.MessageTypeWarning, text) },
		})
	})
}

func (s *Server) tellBuild(e agents.BuildEvent) {
	if path := pathOf(e.URI); path != "" {
		e.URI = string(s.spelled(path))
	}
	e.Error = plain.Notice(e.Error)
	s.notify("hjk/build", e)
}

// forLenses is what lenses depend on: where there are instances, and which are stale.
func forLenses(all []agents.Instance) string {
	text := ""
	for _, i := range all {
		text += fmt.Sprintln(i.Worktree, i.Image.Stale)
	}
	return text
}

// unasked shows work that the user did not ask for, on a progress of ours.
func (s *Server) unasked(ctx context.Context, cancel context.CancelFunc, title string) (agents.Feedback, func(error)) {
	p := s.beginProgress(ctx, cancel, nil, title, true)
	return s.feedback(ctx, p), func(err error) { p.end(ctx, err) }
}

// refresh has the editor ask again for what depends on builds. Of several that wait, one is sent.
func (s *Server) refresh() {
	s.mu.Lock()
	lenses, hints := s.caps.lensRefresh, s.caps.hintRefresh
	busy := s.refreshing
	s.refreshAgain = busy
	s.refreshing = true
	s.mu.Unlock()
	if busy {
		return
	}
	s.background.Go(func() {
		for {
			ctx, cancel := context.WithTimeout(s.life, askTime)
			if lenses {
				_ = s.client.CodeLensRefresh(ctx)
			}
			if hints {
				_ = s.client.InlayHintRefresh(ctx)
			}
			cancel()
			s.mu.Lock()
			if !s.refreshAgain || s.life.Err() != nil {
				s.refreshing = false
				s.mu.Unlock()
				return
			}
			s.refreshAgain = false
			s.mu.Unlock()
		}
	})
}

const (
	recreateAction = "Recreate"
	laterAction    = "Later"
)

// askToRecreate asks for all instances of an older image at once.
func (s *Server) askToRecreate(ctx context.Context, stale []agents.Instance) (yes, answered bool) {
	s.mu.Lock()
	able := s.caps.ask
	s.mu.Unlock()
	if !able {
		return false, false
	}
	var branches []string
	for _, i := range stale {
		branches = append(branches, i.Branch)
	}
	item, err := s.client.ShowMessageRequest(ctx, &protocol.ShowMessageRequestParams{
		Type: protocol.MessageTypeInfo,
		Message: fmt.Sprintf("There is a new image for %s. Recreate the container? Worktree and home stay, and the sessions that run are started again.",
			plain.Line(strings.Join(branches, ", "))),
		Actions: []protocol.MessageActionItem{{Title: recreateAction}, {Title: laterAction}},
	})
	return err == nil && item != nil && item.Title == recreateAction, err == nil
}

// showLog opens a build's log in an editor that can show documents.
func (s *Server) showLog(ctx context.Context, path string) {
	s.mu.Lock()
	able := s.caps.showDocument
	s.mu.Unlock()
	if !able {
		s.showMessage(protocol.MessageTypeInfo, "The log is in "+path)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	focus := true
	_, _ = s.client.ShowDocument(ctx, &protocol.ShowDocumentParams{URI: uri.File(path), TakeFocus: &focus})
}
