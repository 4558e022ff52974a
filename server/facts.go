package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/images/dockerfile"
	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
	"github.com/gilmanlab/hjk-ls/server/builds"
)

// view is a Dockerfile with what its builds told.
type view struct {
	doc   document
	lines *lineIndex
	path  string
	file  dockerfile.File
	facts agents.DockerfileFacts
	spell func(path string) uri.URI // as the editor has it
}

// view looks at an open Dockerfile. One that cannot be understood has no instructions.
func (s *Server) view(u uri.URI) (view, bool) {
	path := fileOf(u)
	doc, ok := s.docs.get(u)
	if path == "" || !ok || !doc.docker {
		return view{}, false
	}
	return s.viewOf(path, doc), true
}

func (s *Server) viewOf(path string, doc document) view {
	file, _ := dockerfile.Parse([]byte(doc.text))
	return view{doc, newLineIndex(doc.text), path, file, s.agents.DockerfileFacts(path), s.spelled}
}

// step is what the last build that had it did for an instruction.
type step struct {
	images.Step
	record builds.Record
}

// steps finds the facts of the instructions that are as they were built, by their index.
func (v view) steps() map[int]step {
	all := map[int]step{}
	for _, rec := range v.facts.Records { // the last used first
		var texts []string
		for _, st := range rec.Steps {
			texts = append(texts, st.Text)
		}
		for i, at := range v.file.Match(texts) {
			have, known := all[at]
			switch {
			case at < 0:
			case !known:
				all[at] = step{rec.Steps[i], rec}
			case have.Time == 0 && have.Cached: // it ran in a build of another target
				have.Time, have.Tail = rec.Steps[i].Time, rec.Steps[i].Tail
				all[at] = have
			}
		}
	}
	return all
}

// InlayHint tells behind each instruction what its last build took.
func (s *Server) InlayHint(_ context.Context, p *protocol.InlayHintParams) ([]protocol.InlayHint, error) {
	v, ok := s.view(p.TextDocument.URI)
	hints := []protocol.InlayHint{}
	if !ok {
		return hints, nil
	}
	yes := true
	for i, st := range v.steps() {
		in := v.file.Instructions[i]
		end := in.Start + len(strings.TrimRight(firstLine(v.doc.text[in.Start:in.End]), "\r"))
		at := v.lines.position(end)
		if label := st.label(in.Keyword); label != "" && p.Range.Start.Line <= at.Line && at.Line <= p.Range.End.Line {
			hints = append(hints, protocol.InlayHint{Position: at, Label: protocol.String(label), PaddingLeft: &yes})
		}
	}
	return hints, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func (st step) label(keyword string) string {
	var words []string
	switch {
	case keyword == "FROM" && st.Size != nil:
		words = append(words, units.HumanSize(float64(*st.Size))+" in all")
		if b := st.record.Built; b != nil {
			words = append(words, "built in "+duration(time.Duration(b.DurationMS)*time.Millisecond))
		}
		return strings.Join(words, ", ")
	case st.Cached && st.Time > 0:
		words = append(words, "cached, took "+duration(st.Time))
	case st.Cached:
		words = append(words, "cached")
	default:
		words = append(words, duration(st.Time))
	}
	if st.Size != nil && *st.Size > 0 {
		words = append(words, units.HumanSize(float64(*st.Size)))
	}
	return strings.Join(words, ", ")
}

// duration is a time as a person would say it.
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// Hover tells what the step below the cursor did last.
func (s *Server) Hover(_ context.Context, p *protocol.HoverParams) (*protocol.Hover, error) {
	v, ok := s.view(p.TextDocument.URI)
	if !ok {
		return nil, nil
	}
	for i, st := range v.steps() {
		in := v.file.Instructions[i]
		r := v.lines.span(in.Start, in.End)
		if r.Start.Line <= p.Position.Line && p.Position.Line <= r.End.Line {
			return &protocol.Hover{Contents: &protocol.MarkupContent{Kind: s.markup(), Value: st.hover(in, s.markup())}, Range: &r}, nil
		}
	}
	return nil, nil
}

func (s *Server) markup() protocol.MarkupKind {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.caps.markdown {
		return protocol.MarkupKindMarkdown
	}
	return protocol.MarkupKindPlainText
}

func (st step) hover(in dockerfile.Instruction, kind protocol.MarkupKind) string {
	text := "Last build: " + st.label(in.Keyword)
	if b := st.record.Built; b != nil {
		text += ", " + b.StartedAt.Local().Format("2 Jan 15:04")
	}
	if st.Tail == "" {
		return text
	}
	tail := plain.Message(st.Tail)
	if kind != protocol.MarkupKindMarkdown {
		return text + "\n\n" + tail
	}
	fence := "```"
	for strings.Contains(tail, fence) {
		fence += "`"
	}
	return text + "\n\n" + fence + "text\n" + tail + "\n" + fence
}

// maxStages bounds the stages that lenses are shown for: a Dockerfile is an agent's to write.
const maxStages = 500

// CodeLens offers what can be done with a Dockerfile.
func (s *Server) CodeLens(_ context.Context, p *protocol.CodeLensParams) ([]protocol.CodeLens, error) {
	v, ok := s.view(p.TextDocument.URI)
	lenses := []protocol.CodeLens{}
	if !ok || v.facts.Checkout == "" {
		return lenses, nil
	}
	start, end := v.top()
	top := v.lines.span(start, end)
	add := func(r protocol.Range, title, command string, args any) {
		raw, err := json.Marshal(args)
		if err == nil {
			lenses = append(lenses, protocol.CodeLens{Range: r, Command: protocol.Command{
				Title: title, Command: command, Arguments: []protocol.LSPAny{protocol.LSPAny(raw)},
			}})
		}
	}
	add(top, "Build", "hjk-ls.build", agents.BuildArgs{Workspace: v.facts.Checkout, Dockerfile: v.path})
	if b := v.facts.Branch; b != "" {
		title := "Run agent on a new branch…" // the run asks: this is the user's own checkout
		if v.facts.Works {
			title = "Run agent on " + plain.Short(b, maxTitle)
		}
		add(top, title, "hjk-ls.run", agents.RunArgs{Workspace: v.facts.Checkout, Branch: b, Attach: true})
		if v.facts.Stale {
			add(top, "Recreate "+plain.Short(b, maxTitle)+" on the new image", "hjk-ls.recreate", agents.RecreateArgs{Workspace: v.facts.Checkout, Branch: b})
		}
	}
	if len(v.facts.Records) > 0 {
		add(top, "Show log", "hjk-ls.buildLog", agents.BuildLogArgs{
			Workspace: v.facts.Checkout, Dockerfile: v.path, Target: v.facts.Records[0].Target, Show: true,
		})
	}
	if len(v.file.Stages) < 2 {
		return lenses, nil
	}
	for i, st := range v.file.Stages[:min(len(v.file.Stages), maxStages)] {
		in := v.file.Instructions[st.From]
		target := st.Name
		if target == "" {
			target = fmt.Sprint(i)
		}
		r := v.lines.span(in.Start, in.Start+len(firstLine(v.doc.text[in.Start:in.End])))
		add(r, "Build this stage", "hjk-ls.build", agents.BuildArgs{Workspace: v.facts.Checkout, Dockerfile: v.path, Target: target})
	}
	return lenses, nil
}
