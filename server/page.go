package server

import (
	"context"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
)

// showPage opens a page of this host's loopback in the browser, where the editor can do that.
func (s *Server) showPage(ctx context.Context, url string) {
	s.mu.Lock()
	able := s.caps.showDocument
	s.mu.Unlock()
	if !able {
		s.showMessage(protocol.MessageTypeInfo, "Open "+url)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	external := true
	_, _ = s.client.ShowDocument(ctx, &protocol.ShowDocumentParams{URI: uri.URI(url), External: &external})
}
