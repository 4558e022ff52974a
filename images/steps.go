package images

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/image"

	"github.com/gilmanlab/hjk-ls/images/dockerfile"
	"github.com/gilmanlab/hjk-ls/internal/podman"
)

// Step is what a build did for one instruction.
type Step struct {
	Line    int           `json:"line"` // from 1, in the text that was built
	EndLine int           `json:"endLine"`
	Text    string        `json:"text"` // as dockerfile.Instruction has it
	Time    time.Duration `json:"time"` // of the last time it ran; 0 when that was never seen
	Cached  bool          `json:"cached"`
	Size    *int64        `json:"size,omitempty"` // bytes of its layer; of a FROM, of the whole image that comes of it
	Tail    string        `json:"tail,omitempty"` // the last lines it printed
}

// stepTail is how many lines of a step's output are kept for the editor.
const stepTail = 10

// facts sums up what the engine did for each instruction. An instruction that needed no step of its own, or that the
// build did not get to, has none.
func (r *recorder) facts() []Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	byLine := map[int]*Step{}
	for d, v := range r.vertexes {
		at, ok := r.text.At(r.where[d].start)
		if !ok || !instruction(v.Name) || v.Completed == nil || v.Error != "" {
			continue
		}
		s := byLine[at.StartLine]
		if s == nil {
			s = &Step{Line: at.StartLine, EndLine: at.EndLine, Text: at.Text, Cached: true}
			byLine[at.StartLine] = s
		}
		s.Cached = s.Cached && v.Cached
		if v.Started != nil && !v.Cached {
			s.Time += v.Completed.Sub(*v.Started)
		}
		if log := r.logs[d]; len(log) > 0 {
			s.Tail = tail(log, stepTail)
		}
	}
	all := make([]Step, 0, len(byLine))
	for _, s := range byLine {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Step) int { return a.Line - b.Line })
	return all
}

// sizes asks for the layers of what was built and gives the steps of its stages their sizes.
func (b *Builder) sizes(ctx context.Context, f dockerfile.File, target string, img Image, steps []Step) []Step {
	history, err := podman.Settle(ctx, func() ([]image.HistoryResponseItem, error) { return b.api.ImageHistory(ctx, img.ID) })
	if err != nil {
		return steps
	}
	last := f.StageOf(target)
	instructions := f.Lineage(last)
	size := map[int]int64{}
	for i, j := len(instructions)-1, 0; i >= 0 && j < len(history); i-- {
		word, _, _ := strings.Cut(history[j].CreatedBy, " ")
		if word == instructions[i].Keyword {
			size[instructions[i].StartLine] = history[j].Size
			j++
		}
	}
	if last >= 0 {
		from := f.Instructions[f.Stages[last].From]
		size[from.StartLine] = img.Size
		if !slices.ContainsFunc(steps, func(s Step) bool { return s.Line == from.StartLine }) { // it names a stage
			steps = append(steps, Step{Line: from.StartLine, EndLine: from.EndLine, Text: from.Text, Cached: true})
			slices.SortFunc(steps, func(a, b Step) int { return a.Line - b.Line })
		}
	}
	for i := range steps {
		if n, ok := size[steps[i].Line]; ok {
			steps[i].Size = &n
		}
	}
	return steps
}
