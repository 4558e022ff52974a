// Package dockerfile understands Dockerfiles by their text alone: no disk, no engine, no network.
package dockerfile

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// File is a Dockerfile that could be read.
type File struct {
	Instructions []Instruction
	Stages       []Stage
}

// Instruction is one instruction with its continuations and heredocs.
type Instruction struct {
	Keyword            string   // in upper case
	Text               string   // what it says: without comments, continuations and repeated blanks
	Start, End         int      // byte offsets of its first character and behind its last
	StartLine, EndLine int      // from 1
	Stage              int      // index of its stage; -1 before the first FROM
	Sources            []string // paths of the build context that it reads, as they are written
}

// Stage is what begins with a FROM.
type Stage struct {
	Name, Base string
	From       int // index of its FROM among the instructions
}

// Parse reads a Dockerfile. The error is BuildKit's, with the lines in a *parser.LocationError where it knows them.
func Parse(text []byte) (File, error) {
	res, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return File{}, err
	}
	var f File
	lines := lineStarts(text)
	for _, n := range res.AST.Children {
		in := Instruction{
			Keyword: strings.ToUpper(n.Value), Text: normal(n), StartLine: n.StartLine, EndLine: n.EndLine, Stage: len(f.Stages) - 1,
		}
		in.Start, in.End = span(text, lines, n.StartLine, n.EndLine)
		if in.Keyword == "FROM" {
			f.Stages = append(f.Stages, stage(n, len(f.Instructions)))
			in.Stage++
		}
		in.Sources = sources(n)
		f.Instructions = append(f.Instructions, in)
	}
	return f, nil
}

// At is the instruction that a line, from 1, belongs to.
func (f File) At(line int) (Instruction, bool) {
	for _, in := range f.Instructions {
		if in.StartLine <= line && line <= in.EndLine {
			return in, true
		}
	}
	return Instruction{}, false
}

func stage(n *parser.Node, from int) Stage {
	s := Stage{From: from}
	if n.Next == nil {
		return s
	}
	s.Base = n.Next.Value
	if as := n.Next.Next; as != nil && strings.EqualFold(as.Value, "as") && as.Next != nil {
		s.Name = strings.ToLower(as.Next.Value)
	}
	return s
}

// normal is what an instruction says, whatever its layout.
func normal(n *parser.Node) string {
	_, rest, _ := cutBlank(strings.TrimSpace(n.Original))
	words := []string{strings.ToUpper(n.Value), strings.Join(strings.Fields(rest), " ")}
	for _, h := range n.Heredocs {
		words = append(words, "\n"+h.Content)
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

func cutBlank(s string) (before, after string, found bool) {
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// lineStarts are the offsets at which lines begin.
func lineStarts(text []byte) []int {
	starts := []int{0}
	for i, c := range text {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// span is what lines first to last, from 1, hold without the blanks around it.
func span(text []byte, lines []int, first, last int) (start, end int) {
	if first < 1 || first > len(lines) {
		return 0, 0
	}
	start, end = lines[first-1], len(text)
	if last < len(lines) {
		end = lines[last]
	}
	end = start + len(bytes.TrimRight(text[start:end], " \t\r\n"))
	body := bytes.TrimPrefix(text[start:end], []byte("\xef\xbb\xbf"))
	return end - len(bytes.TrimLeft(body, " \t")), end
}

// StageOf is the index of the stage that a target names, by name or number; the last one's for "", -1 where there is none.
func (f File) StageOf(target string) int {
	if target == "" {
		return len(f.Stages) - 1
	}
	for i := len(f.Stages) - 1; i >= 0; i-- {
		if strings.EqualFold(f.Stages[i].Name, target) {
			return i
		}
	}
	if i, err := strconv.Atoi(target); err == nil && i < len(f.Stages) {
		return max(i, -1)
	}
	return -1
}

// Lineage is what makes the image of a stage: the instructions of the stages it is built on, from the first, and its own,
// without the FROMs.
func (f File) Lineage(stage int) []Instruction {
	if stage < 0 {
		return nil
	}
	var all []Instruction
	for i := stage - 1; i >= 0; i-- {
		if name := f.Stages[i].Name; name != "" && strings.EqualFold(name, f.Stages[stage].Base) {
			all = f.Lineage(i)
			break
		}
	}
	for _, in := range f.Instructions {
		if in.Stage == stage && in.Keyword != "FROM" {
			all = append(all, in)
		}
	}
	return all
}

// sources are the paths of the build context that an instruction names.
func sources(n *parser.Node) []string {
	switch strings.ToUpper(n.Value) {
	case "COPY", "ADD":
		return copied(n)
	case "RUN":
		return mounted(n.Flags)
	}
	return nil
}

func copied(n *parser.Node) []string {
	for _, f := range n.Flags {
		if strings.HasPrefix(f, "--from=") {
			return nil
		}
	}
	var all []string
	for a := n.Next; a != nil && a.Next != nil; a = a.Next { // the last is where to
		if !strings.HasPrefix(a.Value, "<<") && !strings.Contains(a.Value, "://") && !strings.HasPrefix(a.Value, "git@") {
			all = append(all, a.Value)
		}
	}
	return all
}

// mounted reads --mount=type=bind,source=PATH.
func mounted(flags []string) []string {
	var all []string
	for _, f := range flags {
		spec, ok := strings.CutPrefix(f, "--mount=")
		if !ok {
			continue
		}
		kind, source, from := "bind", ".", ""
		for _, field := range strings.Split(spec, ",") {
			key, value, _ := strings.Cut(field, "=")
			switch strings.ToLower(key) {
			case "type":
				kind = value
			case "source", "src":
				source = value
			case "from":
				from = value
			}
		}
		if kind == "bind" && from == "" {
			all = append(all, source)
		}
	}
	return all
}
