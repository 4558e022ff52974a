package images

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	bkerrdefs "github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/gilmanlab/hjk-ls/images/dockerfile"
	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// BuildError is a build that failed because of its Dockerfile or of what a step did.
type BuildError struct {
	Dockerfile         string
	StartLine, EndLine int    // from 1; 0 when unknown
	Step               string // the failing instruction as BuildKit names it; "" when the file was not understood
	Text               string // the same as dockerfile.Instruction has it
	Raw                string // the failing line of a file that was not understood
	ExitCode           int    // of the step's program; 0 when it did not run
	LogTail            string // the last lines the step printed
	Related            []Related
	Err                error
}

func (e *BuildError) Error() string {
	var b strings.Builder
	b.WriteString(e.Dockerfile)
	if e.StartLine > 0 {
		fmt.Fprintf(&b, ":%d", e.StartLine)
	}
	if e.Step != "" {
		fmt.Fprintf(&b, ": %s", e.Step)
	}
	if e.ExitCode != 0 {
		fmt.Fprintf(&b, ": exit code %d", e.ExitCode)
	} else {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.LogTail != "" {
		b.WriteString("\n" + e.LogTail)
	}
	return b.String()
}

func (e *BuildError) Unwrap() error { return e.Err }

// lines is a range in a Dockerfile, from 1.
type lines struct{ start, end int }

func (l *lines) join(o lines) {
	if l.start == 0 || o.start < l.start {
		l.start = o.start
	}
	l.end = max(l.end, o.end)
}

// logTail is how many lines of a failing step are kept.
const logTail = 20

// recorder follows a build, to say afterwards what it did and which lines failed.
type recorder struct {
	file string

	mu       sync.Mutex // the frontend and the status stream are on their own goroutines
	where    map[digest.Digest]lines
	vertexes map[digest.Digest]*bkclient.Vertex
	logs     map[digest.Digest][]byte
	source   lines // of the error the frontend itself returned
	raw      []byte
	text     dockerfile.File
	warnings []Warning
}

// newRecorder follows the build of a text, which may be one that cannot be understood.
func newRecorder(file string, text []byte) *recorder {
	f, _ := dockerfile.Parse(text)
	return &recorder{
		file: file, raw: text, text: f, where: map[digest.Digest]lines{}, vertexes: map[digest.Digest]*bkclient.Vertex{}, logs: map[digest.Digest][]byte{},
	}
}

// note takes a part of the status stream.
func (r *recorder) note(s *bkclient.SolveStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range s.Vertexes {
		r.vertexes[v.Digest] = v
	}
	for _, l := range s.Logs {
		r.logs[l.Vertex] = append(r.logs[l.Vertex], l.Data...)
		if all := r.logs[l.Vertex]; len(all) > 64<<10 {
			r.logs[l.Vertex] = all[len(all)-32<<10:]
		}
	}
	for _, w := range s.Warnings {
		r.warnings = append(r.warnings, warning(string(w.Short), w.URL, w.Range))
	}
}

func warning(text, url string, ranges []*pb.Range) Warning {
	rule, message, ok := strings.Cut(text, ": ")
	if !ok {
		rule, message = "", text
	}
	w := Warning{Rule: rule, Message: message, URL: url}
	at := merge(ranges)
	w.StartLine, w.EndLine = at.start, at.end
	return w
}

// merge joins ranges: a RUN of several lines comes as one range a line.
func merge(ranges []*pb.Range) lines {
	var l lines
	for _, r := range ranges {
		l.join(lines{int(r.Start.Line), int(max(r.End.Line, r.Start.Line))})
	}
	return l
}

// index learns where the vertexes of a definition come from.
func (r *recorder) index(def *pb.Definition) {
	if def == nil || def.Source == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for d, locs := range def.Source.Locations {
		at := r.where[digest.Digest(d)]
		for _, l := range locs.Locations {
			if m := merge(l.Ranges); m.start > 0 {
				at.join(m)
			}
		}
		r.where[digest.Digest(d)] = at
	}
}

// sources reads an error's place while it still has it: gRPC takes it away.
func (r *recorder) sources(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range bkerrdefs.Sources(err) {
		r.source = merge(s.Ranges)
	}
	var located *parser.LocationError
	if r.source.start == 0 && errors.As(err, &located) {
		for _, ranges := range located.Locations {
			for _, rg := range ranges {
				r.source.join(lines{rg.Start.Line, rg.End.Line})
			}
		}
	}
}

// steps counts the Dockerfile's own instructions.
func (r *recorder) steps() (all, cached int) {
	for _, v := range r.vertexes {
		if !instruction(v.Name) || v.Completed == nil {
			continue
		}
		all++
		if v.Cached {
			cached++
		}
	}
	return all, cached
}

// StepName is the instruction of a vertex such as "[stage 2/5] RUN make"; false for what the engine does besides.
func StepName(vertex string) (string, bool) {
	if !instruction(vertex) {
		return "", false
	}
	_, step, ok := strings.Cut(vertex, "] ")
	return step, ok
}

// instruction tells "[stage 2/5] RUN make" from "[internal] load build context".
func instruction(name string) bool {
	return strings.HasPrefix(name, "[") && !strings.HasPrefix(name, "[internal]") && !strings.HasPrefix(name, "[auth]")
}

// failure explains why a build failed.
func (r *recorder) failure(ctx context.Context, t *tree, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &BuildError{Dockerfile: r.file, StartLine: r.source.start, EndLine: r.source.end, Err: clean(err)}
	if d, v := r.failed(err); v != nil {
		e.LogTail = tail(r.logs[d], logTail)
		if _, step, ok := strings.Cut(v.Name, "] "); ok && instruction(v.Name) {
			e.Step = plain.Short(step, maxName)
		}
		if at := r.where[d]; at.start > 0 {
			e.StartLine, e.EndLine = at.start, at.end
		}
	}
	e.locate(r.raw, r.text)
	var exit *gwpb.ExitError
	if errors.As(err, &exit) {
		e.ExitCode = int(exit.ExitCode)
	} else if m := exitCode.FindStringSubmatch(err.Error()); m != nil {
		e.ExitCode, _ = strconv.Atoi(m[1])
	}
	// A transfer that broke off is canceled by the engine, and that word can be quicker than the cause.
	if ctx.Err() == nil && strings.HasSuffix(err.Error(), "context canceled") || strings.Contains(err.Error(), "invalid UTF-8") {
		e.Err = t.unnamable(ctx, err)
	}
	if e.ExitCode == 0 {
		e.Related = t.explain(context.WithoutCancel(ctx), r.text, e)
	}
	return e
}

// failed is the vertex that failed: of several that did at once, the one whose error the build ended with. Engines before
// 23 say only in words which one that is.
func (r *recorder) failed(err error) (digest.Digest, *bkclient.Vertex) {
	var best digest.Digest
	for d, v := range r.vertexes {
		if v.Error == "" || strings.Contains(v.Error, "context canceled") {
			continue
		}
		if best == "" || strings.Contains(err.Error(), v.Error) {
			best = d
		}
	}
	return best, r.vertexes[best]
}

// locate names the failing instruction by what it says in the text that was built: the file may be another by now.
func (e *BuildError) locate(raw []byte, f dockerfile.File) {
	if in, ok := f.At(e.StartLine); ok {
		e.StartLine, e.Text = in.StartLine, in.Text
	} else if lines := strings.Split(string(raw), "\n"); 0 < e.StartLine && e.StartLine <= len(lines) {
		e.Raw = strings.TrimSpace(lines[e.StartLine-1])
	}
}

// exitCode finds what engines before 23 say only in words, at the end of the message.
var exitCode = regexp.MustCompile(`exit code: (\d+)$`)

// clean takes gRPC's wrapping off a message.
func clean(err error) error {
	msg := err.Error()
	for _, prefix := range []string{"failed to solve: ", "rpc error: code = Unknown desc = ", "dockerfile parse error on "} {
		msg = strings.TrimPrefix(msg, prefix)
	}
	if msg == err.Error() {
		return err
	}
	return &cleaned{msg, err}
}

type cleaned struct {
	msg string
	err error
}

func (c *cleaned) Error() string { return c.msg }
func (c *cleaned) Unwrap() error { return c.err }

// tail is the last lines of a step's output as text: an editor shows no colours, and of a progress bar, which a program
// draws on one line again and again, all that it ever was.
func tail(b []byte, n int) string {
	all := strings.Split(strings.TrimRight(string(b), "\r\n"), "\n")
	if len(all) > n {
		all = all[len(all)-n:]
	}
	for i, line := range all {
		line = strings.TrimRight(escapes.ReplaceAllString(line, ""), "\r")
		all[i] = line[strings.LastIndexByte(line, '\r')+1:]
	}
	return plain.Message(strings.Join(all, "\n"))
}

// escapes are the control sequences of a terminal (ECMA-48), and what some set its title with.
var escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])`)

// tracker is the engine as the frontend sees it, with an ear for definitions and warnings, behind the build's fence.
type tracker struct {
	gateway.Client
	rec   *recorder
	fence *fence

	mu           sync.Mutex // guards what is below
	env, onBuild []string   // of the images that the Dockerfile begins with
}

func (t *tracker) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	t.rec.index(req.Definition)
	if err := t.fence.request(ctx, req); err != nil {
		return nil, err
	}
	return t.Client.Solve(ctx, req)
}

// ResolveImageConfig looks at an image before the engine asks a registry for it.
func (t *tracker) ResolveImageConfig(ctx context.Context, ref string, o sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	if err := t.fence.image(ctx, ref); err != nil {
		return "", "", nil, err
	}
	name, dgst, config, err := t.Client.ResolveImageConfig(ctx, ref, o)
	if err == nil {
		err = t.weighImage(config)
	}
	return name, dgst, config, err
}

// ResolveSourceMetadata looks at a source before the engine asks for it.
func (t *tracker) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, o sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	if err := t.fence.source(ctx, op); err != nil {
		return nil, err
	}
	res, err := t.Client.ResolveSourceMetadata(ctx, op, o)
	if err == nil && res.Image != nil {
		err = t.weighImage(res.Image.Config)
	}
	return res, err
}

// Warn keeps the build checks' findings; engines before 23 have no such call.
func (t *tracker) Warn(_ context.Context, _ digest.Digest, msg string, o gateway.WarnOpts) error {
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	t.rec.warnings = append(t.rec.warnings, warning(msg, o.URL, o.Range))
	return nil
}
