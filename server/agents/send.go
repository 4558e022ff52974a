package agents

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
)

// SendArgs is the argument object of hjk-ls.send.
type SendArgs struct {
	Workspace string `json:"workspace,omitempty"`
	Branch    string `json:"branch"`
	Session   string `json:"session,omitempty"`
	Text      string `json:"text"`
	Raw       bool   `json:"raw,omitempty"`     // as it is, control characters too, and without Enter
	NoEnter   bool   `json:"noEnter,omitempty"` // after the text
	Now       bool   `json:"now,omitempty"`     // also when the agent does not wait
}

// SendResult is the result of hjk-ls.send.
type SendResult struct {
	Branch  string `json:"branch"`
	Session string `json:"session"`
	Pasted  bool   `json:"pasted"` // the program took it as one text, whatever lines it has
}

// Send types a text, and Enter, into a session's terminal, as its user would. It is refused when the session does not wait for its
// user, and does not within sendPatience, unless Now is said. When it returns, the session is not waiting any more: who waits then waits for what comes of the text.
func (m *Manager) Send(ctx context.Context, a SendArgs) (SendResult, error) {
	req, err := a.request()
	if err != nil {
		return SendResult{}, err
	}
	inst, s, t, err := m.findSession(ctx, SessionArgs{Workspace: a.Workspace, Branch: a.Branch, Session: a.Session})
	if err != nil {
		return SendResult{}, err
	}
	c, ok, err := m.observe(ctx, t.eng, t.place)
	if err != nil {
		return SendResult{}, m.failed(t.eng, err)
	}
	if !ok {
		return SendResult{}, noInstance(inst.Branch)
	}
	req.Name = s.Name
	pasted, err := m.sendPatiently(ctx, t.eng, c, req)
	if err != nil {
		return SendResult{}, m.sendError(ctx, t, inst.Branch, s.Name, err)
	}
	m.changed.kick()
	return SendResult{Branch: inst.Branch, Session: s.Name, Pasted: pasted}, nil
}

// sendPatience is how long a session may take until it waits. A program that draws once more, as they do when a window changes, works for a
// moment as one sees it from outside.
const sendPatience = 2500 * time.Millisecond

func (m *Manager) sendPatiently(ctx context.Context, eng *engine, c container.Container, req shim.Send) (pasted bool, err error) {
	for end := time.Now().Add(sendPatience); ; {
		pasted, err = eng.Send(ctx, c.ID, c.Labels[container.LabelUser], req)
		var se *container.SessionError
		if !errors.As(err, &se) || se.Code != shim.CodeNotWaiting || time.Now().After(end) {
			return pasted, err
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-time.After(waitPoll):
		}
	}
}

// request checks what is to be typed.
func (a SendArgs) request() (shim.Send, error) {
	text := a.Text
	switch {
	case a.Branch == "":
		return shim.Send{}, Errorf(CodeInvalidArgument, "branch is missing; hjk-ls ps lists the branches that have an instance")
	case len(text) > shim.MaxSend:
		return shim.Send{}, Errorf(CodeInvalidArgument, "the text has %d bytes, more than the %d that are sent; put it into a file of the worktree, and send its name",
			len(text), shim.MaxSend)
	case text == "" && (a.Raw || a.NoEnter):
		return shim.Send{}, Errorf(CodeInvalidArgument, "there is no text, and Enter is not wanted; say what to type")
	case !a.Raw && !utf8.ValidString(text):
		return shim.Send{}, Errorf(CodeInvalidArgument, "the text is not UTF-8; --raw (raw) sends any bytes as they are")
	}
	if !a.Raw {
		text = strings.ReplaceAll(text, "\r\n", "\n")
		if i := strings.IndexFunc(text, acts); i >= 0 {
			return shim.Send{}, Errorf(CodeInvalidArgument, "the text has the control character %U, which is a key and no text; leave it out, or send it as it is with --raw (raw)",
				[]rune(text[i:])[0])
		}
	}
	return shim.Send{Text: []byte(text), Raw: a.Raw, Enter: !a.Raw && !a.NoEnter, Now: a.Now}, nil
}

// acts reports whether a character would be a key for the program, or end the brackets of a paste.
func acts(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// sendError says what the user of send can do.
func (m *Manager) sendError(ctx context.Context, t target, branch, session string, err error) error {
	if errors.Is(err, container.ErrOldHelper) {
		return Errorf(CodeHelperOutdated, "%w; make it anew: %s", err, hjk("recreate", branch))
	}
	var se *container.SessionError
	if !errors.As(err, &se) {
		if container.IsNotRunning(err) || m.endedMeanwhile(ctx, t) {
			return Errorf(CodeInstanceStopped, "branch %q was stopped meanwhile; start it with: %s", branch, hjk("run", branch))
		}
		return m.failed(t.eng, err)
	}
	switch se.Code {
	case shim.CodeNotWaiting:
		return Errorf(CodeNotWaiting, "session %q of branch %q does not wait for its user, so nothing was typed; wait for it with: %s, or type all the same with --now (now)",
			session, branch, hjk("wait", branch, session, "--for", "waiting"))
	case shim.CodeNotReading:
		return Errorf(CodeNotReading, "session %q of branch %q does not read its terminal: %s; look at it with: %s", session, branch, se.Message, hjk("attach", branch, session))
	case shim.CodeLineTooLong:
		return Errorf(CodeInvalidArgument, "%s; put the text into a file of the worktree, and send its name", se.Message)
	case shim.CodeSessionEnded, shim.CodeNoSession:
		return Errorf(CodeSessionEnded, "session %q of branch %q has ended; read its output with: %s", session, branch, hjk("logs", branch, session))
	}
	return m.failed(t.eng, err)
}
