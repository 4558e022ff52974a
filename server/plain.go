package server

import (
	"context"

	"go.lsp.dev/protocol"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// plainClient is the client with every text for a person made fit to be read on its way there. What programs compare and
// pass on, such as paths, branches and the arguments of commands, is exact.
type plainClient struct{ protocol.Client }

func (c plainClient) ShowMessage(ctx context.Context, p *protocol.ShowMessageParams) error {
	return c.Client.ShowMessage(ctx, &protocol.ShowMessageParams{Type: p.Type, Message: plain.Notice(p.Message)})
}

func (c plainClient) ShowMessageRequest(ctx context.Context, p *protocol.ShowMessageRequestParams) (*protocol.MessageActionItem, error) {
	now := *p
	now.Message = plain.Notice(p.Message)
	return c.Client.ShowMessageRequest(ctx, &now)
}

func (c plainClient) PublishDiagnostics(ctx context.Context, p *protocol.PublishDiagnosticsParams) error {
	now := *p
	now.Diagnostics = make([]protocol.Diagnostic, len(p.Diagnostics))
	for i, d := range p.Diagnostics {
		now.Diagnostics[i] = plainDiagnostic(d)
	}
	return c.Client.PublishDiagnostics(ctx, &now)
}

// maxRelated bounds the places that a diagnostic points to.
const maxRelated = 100

func plainDiagnostic(d protocol.Diagnostic) protocol.Diagnostic {
	if text, ok := d.Message.(protocol.String); ok {
		d.Message = protocol.String(plain.Message(string(text)))
	}
	var related []protocol.DiagnosticRelatedInformation
	for _, r := range d.RelatedInformation[:min(len(d.RelatedInformation), maxRelated)] {
		r.Message = plain.Short(r.Message, plain.MaxMessage)
		related = append(related, r)
	}
	d.RelatedInformation = related
	return d
}

// maxTitle bounds the lines of a progress, and titles.
const maxTitle = 1 << 10

// plainProgress makes the texts of a progress plain, in place.
func plainProgress(value any) {
	line := func(s *string) *string {
		if s == nil {
			return nil
		}
		short := plain.Short(plain.Notice(*s), maxTitle)
		return &short
	}
	switch v := value.(type) {
	case *protocol.WorkDoneProgressBegin:
		v.Title, v.Message = *line(&v.Title), line(v.Message)
	case *protocol.WorkDoneProgressReport:
		v.Message = line(v.Message)
	case *protocol.WorkDoneProgressEnd:
		v.Message = line(v.Message)
	}
}
