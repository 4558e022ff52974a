package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	bkclient "github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	"go.lsp.dev/protocol"
	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

const (
	// askTime bounds requests to the client: one that never answers must not hold up work.
	askTime = 3 * time.Second
	// consentTime is how long a user has to answer a question.
	consentTime = 5 * time.Minute
	// reportEvery bounds how often a progress is told of.
	reportEvery = 100 * time.Millisecond
)

var progressSeq atomic.Int64

// progress is one work-done progress, on the client's token or on one of ours. A nil *progress tells nobody.
type progress struct {
	s     *Server
	token protocol.ProgressToken
	key   string

	mu       sync.Mutex // guards what follows
	last     time.Time
	vertexes map[digest.Digest]bool // done
	percent  uint32                 // told last: an editor's bar does not go back when a build turns out to have more steps
	pending  *protocol.WorkDoneProgressReport
	timer    *time.Timer
}

// beginProgress begins to tell of an operation that cancel ends. Without a token and without a client that can take
// one of ours it returns nil. Of a counted one the editor shows how much is done: it must know from the beginning.
func (s *Server) beginProgress(ctx context.Context, cancel context.CancelFunc, token protocol.ProgressToken, title string, counted bool) *progress {
	s.mu.Lock()
	able := s.caps.progress
	s.mu.Unlock()
	if token == nil && !able {
		return nil
	}
	if token == nil {
		token = protocol.String(fmt.Sprintf("hjk-ls/%d", progressSeq.Add(1)))
		ask, done := context.WithTimeout(ctx, askTime)
		defer done()
		if err := s.client.WorkDoneProgressCreate(ask, &protocol.WorkDoneProgressCreateParams{Token: token}); err != nil {
			return nil
		}
	}
	p := &progress{s: s, token: token, key: tokenKey(token), vertexes: map[digest.Digest]bool{}}
	s.mu.Lock()
	s.progress[p.key] = cancel
	s.mu.Unlock()
	yes := true
	begin := &protocol.WorkDoneProgressBegin{Kind: "begin", Title: title, Cancellable: &yes}
	if counted {
		begin.Percentage = new(uint32)
	}
	p.send(begin)
	return p
}

func tokenKey(t protocol.ProgressToken) string { return fmt.Sprintf("%T:%v", t, t) }

// WorkDoneProgressCancel is the cancel button.
func (s *Server) WorkDoneProgressCancel(_ context.Context, p *protocol.WorkDoneProgressCancelParams) error {
	s.mu.Lock()
	cancel := s.progress[tokenKey(p.Token)]
	s.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	return nil
}

// send tells the client, whatever has become of the request by now.
func (p *progress) send(value any) {
	plainProgress(value)
	raw, err := protocol.Marshal(value)
	if err != nil {
		return
	}
	_ = p.s.client.Progress(context.Background(), &protocol.ProgressParams{Token: p.token, Value: raw})
}

func (p *progress) step(message string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending, p.last = nil, time.Now()
	p.send(&protocol.WorkDoneProgressReport{Kind: "report", Message: &message})
}

// output tells the last line that the setup wrote.
func (p *progress) output(line string) {
	if p == nil || strings.TrimSpace(line) == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.later(&protocol.WorkDoneProgressReport{Kind: "report", Message: &line})
}

// solve tells of a build: how much of the known steps is done, and which runs.
func (p *progress) solve(st *bkclient.SolveStatus) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	name := ""
	for _, v := range st.Vertexes {
		if step, ok := images.StepName(v.Name); ok {
			p.vertexes[v.Digest] = v.Completed != nil
			if v.Started != nil && v.Completed == nil {
				name = step
			}
		} else if v.Started != nil && v.Completed == nil && name == "" {
			name = v.Name
		}
	}
	if name == "" {
		return
	}
	done := 0
	for _, d := range p.vertexes {
		if d {
			done++
		}
	}
	all := len(p.vertexes)
	p.percent = max(p.percent, uint32(100*done/max(all, 1)))
	percent := p.percent
	if all > 0 {
		name = fmt.Sprintf("step %d/%d: %s", min(done+1, all), all, name)
	}
	p.later(&protocol.WorkDoneProgressReport{Kind: "report", Message: &name, Percentage: &percent})
}

// later sends a report when the last one is long enough ago; of several that wait, the newest. p.mu is held.
func (p *progress) later(r *protocol.WorkDoneProgressReport) {
	waiting := p.pending != nil
	p.pending = r
	if !waiting {
		p.timer = time.AfterFunc(max(0, reportEvery-time.Since(p.last)), p.sendPending)
	}
}

func (p *progress) sendPending() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending == nil {
		return
	}
	r := p.pending
	p.pending, p.last = nil, time.Now()
	p.send(r)
}

// end always comes, with the outcome.
func (p *progress) end(ctx context.Context, err error) {
	if p == nil {
		return
	}
	p.s.mu.Lock()
	delete(p.s.progress, p.key)
	p.s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending = nil
	if p.timer != nil {
		p.timer.Stop()
	}
	message := "done"
	switch {
	case err != nil && ctx.Err() != nil:
		message = "canceled"
	case err != nil:
		message, _, _ = strings.Cut("failed: "+err.Error(), "\n")
	}
	p.send(&protocol.WorkDoneProgressEnd{Kind: "end", Message: &message})
}

// feedback passes on what the life cycle tells.
func (c call) feedback() agents.Feedback { return c.s.feedback(c.ctx, c.progress) }

func (s *Server) feedback(ctx context.Context, p *progress) agents.Feedback {
	return agents.Feedback{
		Step:    p.step,
		Output:  p.output,
		Solve:   p.solve,
		Build:   s.tellBuild,
		Consent: func(what string, flags []string) agents.Answer { return s.consent(ctx, what, flags) },
		Where:   func(q agents.OwnCheckout) agents.Where { return s.askWhere(ctx, q) },
	}
}

// notify sends a notification of our own. Values are plain JSON.
func (s *Server) notify(method string, value any) {
	raw, err := answer(value)
	if err != nil {
		s.cfg.Log.Warn("cannot tell the editor", zap.String("method", method), zap.Error(err))
		return
	}
	_ = s.conn.Notify(context.Background(), method, protocol.LSPAny(raw))
}

const (
	allowAction  = "Allow"
	refuseAction = "Refuse"
)

// consent asks the user. Who cannot be asked, or does not answer, has neither agreed nor refused.
func (s *Server) consent(ctx context.Context, what string, flags []string) agents.Answer {
	s.mu.Lock()
	able := s.caps.ask
	s.mu.Unlock()
	if !able {
		return agents.Unanswered
	}
	ctx, cancel := context.WithTimeout(ctx, consentTime)
	defer cancel()
	item, err := s.client.ShowMessageRequest(ctx, &protocol.ShowMessageRequestParams{
		Type:    protocol.MessageTypeWarning,
		Message: fmt.Sprintf("%s asks for power over this machine: %s. Allow exactly this, and remember it?", plain.Line(what), plain.Line(strings.Join(flags, ", "))),
		Actions: []protocol.MessageActionItem{{Title: allowAction}, {Title: refuseAction}},
	})
	switch {
	case err != nil || item == nil:
		return agents.Unanswered
	case item.Title == allowAction:
		return agents.Allowed
	}
	return agents.Refused
}

const (
	newBranchAction = "On a New Branch"
	hereAction      = "Here"
)

// askWhere asks the user whether an agent is to work in a checkout of theirs.
func (s *Server) askWhere(ctx context.Context, q agents.OwnCheckout) agents.Where {
	s.mu.Lock()
	able := s.caps.ask
	s.mu.Unlock()
	if !able {
		return agents.Nowhere
	}
	ctx, cancel := context.WithTimeout(ctx, consentTime)
	defer cancel()
	item, err := s.client.ShowMessageRequest(ctx, &protocol.ShowMessageRequestParams{
		Type: protocol.MessageTypeInfo,
		Message: fmt.Sprintf("%s is checked out in %s, where you work yourself. Where is the agent to work? On a new branch, %s, it has a worktree of its own; here it changes your own files.",
			plain.Short(q.Branch, maxTitle), plain.Line(q.Path), plain.Short(q.New, maxTitle)),
		Actions: []protocol.MessageActionItem{{Title: newBranchAction}, {Title: hereAction}},
	})
	switch {
	case err != nil || item == nil:
		return agents.Nowhere
	case item.Title == newBranchAction:
		return agents.OnNewBranch
	case item.Title == hereAction:
		return agents.Here
	}
	return agents.Nowhere
}

// openTerminal has the client open a terminal on a session, or tells the user how to.
func (s *Server) openTerminal(ctx context.Context, a agents.SessionArgs) {
	att, err := s.agents.Attach(ctx, a)
	if err != nil {
		return
	}
	s.mu.Lock()
	able := s.caps.openTerminal
	s.mu.Unlock()
	if !able {
		s.showMessage(protocol.MessageTypeInfo, "Attach to "+plain.Line(att.Branch)+" with: "+plain.Shell(att.Argv...))
		return
	}
	raw, err := json.Marshal(map[string]any{"title": plain.Short(att.Branch+": "+att.Session, maxTitle), "argv": att.Argv, "cwd": att.Cwd})
	if err != nil {
		return
	}
	s.background.Go(func() {
		ctx, cancel := context.WithTimeout(s.life, askTime)
		defer cancel()
		if _, err := s.conn.Call(ctx, "hjk/openTerminal", protocol.LSPAny(raw), nil); err != nil && s.life.Err() == nil {
			s.showMessage(protocol.MessageTypeInfo, "The editor opened no terminal; attach with: "+plain.Shell(att.Argv...))
		}
	})
}

func (s *Server) showMessage(kind protocol.MessageType, text string) {
	_ = s.client.ShowMessage(context.Background(), &protocol.ShowMessageParams{Type: kind, Message: text})
}
