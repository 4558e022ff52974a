package server

import (
	"context"
	"maps"
	"slices"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/server/builds"
)

// diagnose tells what the last builds of a Dockerfile failed of, where it still stands in the text.
func (s *Server) diagnose(path string) {
	if path == "" {
		return
	}
	s.diagnosing.Lock() // of two that come at once, the later text is told last
	defer s.diagnosing.Unlock()
	doc, ok := s.at(path)
	found := []protocol.Diagnostic{}
	if ok && doc.docker {
		for _, f := range s.viewOf(path, doc).failures() {
			found = append(found, plainDiagnostic(f.Diagnostic)) // as it is sent
		}
	}
	p := &protocol.PublishDiagnosticsParams{URI: doc.uri, Diagnostics: found}
	if doc.version >= 0 {
		p.Version = protocol.NewOptional(doc.version)
	}
	raw, err := protocol.Marshal(p)
	if told := s.diagnosed[path]; err != nil || told == string(raw) || told == "" && len(found) == 0 {
		return
	}
	if s.diagnosed[path] = string(raw); len(found) == 0 {
		delete(s.diagnosed, path)
	}
	_ = s.client.PublishDiagnostics(context.Background(), p)
}

// diagnoseSoon has a Dockerfile looked at, off the read loop: of several that wait for one, one look is enough.
func (s *Server) diagnoseSoon(path string) {
	if path == "" {
		return
	}
	s.mu.Lock()
	busy := s.toDiagnose != nil
	if !busy {
		s.toDiagnose = map[string]bool{}
	}
	s.toDiagnose[path] = true
	s.mu.Unlock()
	if !busy {
		s.background.Go(s.diagnoseWaiting)
	}
}

func (s *Server) diagnoseWaiting() {
	for {
		s.mu.Lock()
		waiting := s.toDiagnose
		s.toDiagnose = map[string]bool{}
		if len(waiting) == 0 || s.life.Err() != nil {
			s.toDiagnose = nil
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		for path := range waiting {
			s.diagnose(path)
		}
	}
}

// diagnoseAll looks again at the Dockerfiles that are open, and at those that have failures: one of them may be gone.
func (s *Server) diagnoseAll() {
	paths := s.docs.dockerfiles()
	s.diagnosing.Lock()
	paths = slices.AppendSeq(paths, maps.Keys(s.diagnosed))
	s.diagnosing.Unlock()
	for _, path := range paths {
		s.diagnose(path)
	}
}

// failedStep is a step that failed, and of which target's build.
type failedStep struct {
	protocol.Diagnostic
	target string
}

// failures are the steps that failed, each once, but for those that were changed since or that another build got over.
func (v view) failures() []failedStep {
	var all []failedStep
	seen := map[string]bool{}
	for _, rec := range v.facts.Records {
		if rec.Failed == nil || rec.Failed.Failure == nil || v.gotOver(rec) {
			continue
		}
		f := rec.Failed.Failure
		if seen[f.Text+f.Raw] {
			continue
		}
		seen[f.Text+f.Raw] = true
		if r, ok := v.place(f); ok {
			all = append(all, failedStep{diagnostic(r, f, v.spell), rec.Target})
		}
	}
	return all
}

// gotOver reports whether a later build of another target had the step and succeeded.
func (v view) gotOver(failed builds.Record) bool {
	for _, rec := range v.facts.Records {
		if rec.Built == nil || rec.Built.StartedAt.Before(failed.Failed.StartedAt) {
			continue
		}
		if failed.Failed.Failure.Text == "" { // of the file as a whole, or a target that it has no more
			return true
		}
		for _, st := range rec.Steps {
			if st.Text == failed.Failed.Failure.Text {
				return true
			}
		}
	}
	return false
}

// place finds the failing instruction in the text as it is now: of several that say the same, the nearest.
func (v view) place(f *builds.Failure) (protocol.Range, bool) {
	best, found := protocol.Range{}, false
	nearest := func(start, end, line int) {
		r := v.lines.span(start, end)
		if !found || abs(line-f.Line) < abs(int(best.Start.Line)+1-f.Line) {
			best, found = r, true
		}
	}
	if f.Line == 0 { // of no line, but of the file as a whole
		start, end := v.top()
		return v.lines.span(start, end), true
	}
	if f.Text != "" {
		for _, in := range v.file.Instructions {
			if in.Text == f.Text {
				nearest(in.Start, in.End, in.StartLine)
			}
		}
		return best, found
	}
	offset := 0
	for i, line := range strings.SplitAfter(v.doc.text, "\n") {
		if text := strings.TrimSpace(line); text == f.Raw && f.Raw != "" {
			start := offset + strings.Index(line, text)
			nearest(start, start+len(text), i+1)
		}
		offset += len(line)
	}
	return best, found
}

// top is the first line of the first instruction, where what is about the whole file is shown.
func (v view) top() (start, end int) {
	if len(v.file.Instructions) == 0 {
		return 0, len(strings.TrimRight(firstLine(v.doc.text), "\r"))
	}
	in := v.file.Instructions[0]
	return in.Start, in.Start + len(strings.TrimRight(firstLine(v.doc.text[in.Start:in.End]), "\r"))
}

func abs(n int) int { return max(n, -n) }

func diagnostic(r protocol.Range, f *builds.Failure, spell func(string) uri.URI) protocol.Diagnostic {
	message := f.Message
	if f.Tail != "" {
		message += "\n" + f.Tail
	}
	d := protocol.Diagnostic{
		Range: r, Severity: protocol.DiagnosticSeverityError, Code: protocol.String("build_failed"),
		Source: protocol.NewOptional("headjack"), Message: protocol.String(message),
	}
	for _, rel := range f.Related {
		d.RelatedInformation = append(d.RelatedInformation, protocol.DiagnosticRelatedInformation{
			Location: protocol.Location{URI: spell(rel.File), Range: linesOf(rel)}, Message: rel.Message,
		})
	}
	return d
}

// linesOf are whole lines: the end is at the start of the line behind.
func linesOf(rel images.Related) protocol.Range {
	if rel.StartLine == 0 {
		return protocol.Range{}
	}
	return protocol.Range{Start: protocol.Position{Line: uint32(rel.StartLine - 1)}, End: protocol.Position{Line: uint32(rel.EndLine)}}
}
