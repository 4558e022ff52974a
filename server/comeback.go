package server

import (
	"context"
	"fmt"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

const (
	bringBackAction = "Bring back"
	notNowAction    = "Not now"
)

// offerer asks once whether what a reboot or an engine's end took is to come back. It looks when an engine answers for the first time, or
// again: what somebody stopped meanwhile is nobody's surprise. Nothing is started without an answer.
type offerer struct{ reachable bool }

func (o *offerer) see(s *Server, snap agents.Snapshot) {
	begins := snap.Engine.Reachable && !o.reachable
	o.reachable = snap.Engine.Reachable
	s.mu.Lock()
	able := s.caps.ask
	s.mu.Unlock()
	if !begins || !able {
		return
	}
	s.background.Go(func() { s.offerBack(snap.Instances) })
}

func (s *Server) offerBack(all []agents.Instance) {
	about := s.agents.ToOffer(s.life, all)
	if len(about) == 0 {
		return
	}
	var branches []string
	for _, i := range about {
		branches = append(branches, i.Branch)
	}
	item, err := s.client.ShowMessageRequest(s.life, &protocol.ShowMessageRequestParams{
		Type:    protocol.MessageTypeInfo,
		Message: fmt.Sprintf("Agents ran on %s when the container ended. Bring them back? They go on where they were.", plain.Line(strings.Join(branches, ", "))),
		Actions: []protocol.MessageActionItem{{Title: bringBackAction}, {Title: notNowAction}},
	})
	if err != nil || item == nil || item.Title != bringBackAction {
		return
	}
	for _, i := range about {
		s.bringBack(i)
	}
}

// bringBack starts what ran on one branch, on a progress of ours.
func (s *Server) bringBack(i agents.Instance) {
	ctx, cancel := context.WithCancel(s.life)
	defer cancel()
	fb, end := s.unasked(ctx, cancel, "Bringing back "+i.Branch)
	res, err := s.agents.Start(ctx, agents.StartArgs{Workspace: i.Repo, Branches: []string{i.Branch}}, fb)
	end(err)
	if err != nil {
		s.showMessage(protocol.MessageTypeError, i.Branch+": "+err.Error())
	}
	for _, f := range res.Failed {
		s.showMessage(protocol.MessageTypeError, f.Branch+": "+f.Message)
	}
	for _, one := range res.Started {
		for _, w := range one.Warnings {
			s.showMessage(protocol.MessageTypeWarning, w)
		}
	}
}
