package server

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// document is a text that the editor has open.
type document struct {
	uri     uri.URI
	version int32
	docker  bool // it is a Dockerfile, by its language or its name
	text    string
}

// documents are the texts that the editor has open. Changes come in order, on the read loop, which waits for nothing: what
// is to be looked at anew is looked at elsewhere.
type documents struct {
	mu  sync.Mutex
	all map[string]document // by path: editors spell one URI in several ways
}

// keyOf is a path, or a URI that has none.
func keyOf(u uri.URI) string {
	if path := fileOf(u); path != "" {
		return path
	}
	return strings.Clone(string(u))
}

// fileOf is the path of a file: URI as git and the watch on folders tell it, without symbolic links but for the file
// itself: a Dockerfile may be one, with a build of its own. "" for other URIs.
func fileOf(u uri.URI) string {
	path := pathOf(string(u))
	if real, err := filepath.EvalSymlinks(filepath.Dir(path)); path != "" && err == nil {
		return filepath.Join(real, filepath.Base(path))
	}
	return path
}

// spelled is the URI of a file as the editor spells it, which may have opened its folder by a symbolic link.
func (s *Server) spelled(path string) uri.URI {
	s.mu.Lock()
	folders := slices.Clone(s.folders)
	s.mu.Unlock()
	for _, f := range folders {
		real, err := filepath.EvalSymlinks(f)
		if rel, in := strings.CutPrefix(path, real+string(filepath.Separator)); err == nil && in && real != f {
			return uri.File(filepath.Join(f, rel))
		}
	}
	return uri.File(path)
}

func (d *documents) put(doc document) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil {
		d.all = map[string]document{}
	}
	d.all[keyOf(doc.uri)] = doc
}

func (d *documents) get(u uri.URI) (document, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	doc, ok := d.all[keyOf(u)]
	return doc, ok
}

func (d *documents) drop(u uri.URI) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.all, keyOf(u))
}

// dockerfiles are the paths of the Dockerfiles that are open.
func (d *documents) dockerfiles() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for key, doc := range d.all {
		if doc.docker && filepath.IsAbs(key) {
			all = append(all, key)
		}
	}
	return all
}

// maxOnDisk bounds a Dockerfile that is not open.
const maxOnDisk = 4 << 20

// at is the document of a file: what the editor has, else what is on disk.
func (s *Server) at(path string) (document, bool) {
	if doc, ok := s.docs.get(uri.File(path)); ok {
		return doc, true
	}
	b, err := distrust.File(path, maxOnDisk) // on the read loop, which must not wait for a FIFO
	return document{uri: s.spelled(path), version: -1, docker: true, text: string(b)}, err == nil
}

// isDockerfile goes by the language the editor says, else by the name.
func isDockerfile(language, path string) bool {
	if language != "" && language != "plaintext" {
		return language == "dockerfile"
	}
	base := strings.ToLower(filepath.Base(path))
	return strings.HasPrefix(base, "dockerfile") || strings.HasPrefix(base, "containerfile") || strings.HasSuffix(base, ".dockerfile")
}

// DidOpen begins to follow a document.
func (s *Server) DidOpen(_ context.Context, p *protocol.DidOpenTextDocumentParams) error {
	t := p.TextDocument
	path := fileOf(t.URI)
	s.docs.put(document{
		uri: uri.URI(strings.Clone(string(t.URI))), version: t.Version, text: strings.Clone(t.Text), docker: isDockerfile(strings.Clone(string(t.LanguageID)), path),
	})
	if isDockerfile(strings.Clone(string(t.LanguageID)), path) {
		s.agents.SetOpen(s.docs.dockerfiles())
	}
	s.diagnoseSoon(path)
	return nil
}

// DidChange applies changes, each to what the one before left.
func (s *Server) DidChange(_ context.Context, p *protocol.DidChangeTextDocumentParams) error {
	doc, ok := s.docs.get(p.TextDocument.URI)
	if !ok {
		return nil
	}
	text := newRope(doc.text)
	for _, c := range p.ContentChanges {
		switch c := c.(type) {
		case *protocol.TextDocumentContentChangeWholeDocument:
			text = newRope(c.Text)
		case *protocol.TextDocumentContentChangePartial:
			text = text.replace(c.Range, c.Text)
		}
	}
	doc.text = text.String()
	doc.version = p.TextDocument.Version
	s.docs.put(doc)
	if doc.docker {
		s.diagnoseSoon(fileOf(doc.uri))
	}
	return nil
}

// DidSave tells who builds: not every file system tells of changes.
func (s *Server) DidSave(_ context.Context, p *protocol.DidSaveTextDocumentParams) error {
	path := fileOf(p.TextDocument.URI)
	if path == "" {
		return nil
	}
	if doc, open := s.docs.get(p.TextDocument.URI); open && doc.docker {
		s.agents.SavedText(path, doc.text)
		return nil
	}
	s.agents.Saved(path)
	return nil
}

// DidClose forgets a document. What is wrong with the file stays.
func (s *Server) DidClose(_ context.Context, p *protocol.DidCloseTextDocumentParams) error {
	doc, _ := s.docs.get(p.TextDocument.URI)
	s.docs.drop(p.TextDocument.URI)
	if doc.docker {
		s.agents.SetOpen(s.docs.dockerfiles())
		s.diagnoseSoon(fileOf(p.TextDocument.URI))
	}
	return nil
}
