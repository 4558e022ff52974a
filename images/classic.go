package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/build"
	bkclient "github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/gilmanlab/hjk-ls/images/dockerfile"
	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// buildClassic builds with the engine's own builder, for engines without BuildKit (Podman). The context travels as a
// tar; secrets and ssh are not to be had there.
func (b *Builder) buildClassic(ctx context.Context, src Source, o BuildOptions, p Progress) (_ BuildResult, err error) {
	t, err := openTree(src)
	if err != nil {
		return BuildResult{}, err
	}
	defer t.close()
	text, err := t.dockerfile()
	if err != nil {
		return BuildResult{}, err
	}
	o, g := o.guarded(text)
	if len(o.Secrets)+len(o.SSH) > 0 {
		return BuildResult{}, errors.New("this engine has no BuildKit: it cannot build with secrets or ssh; use Docker, or leave build.secrets and build.ssh out")
	}
	o, hide, err := b.proxied(o, g)
	if err != nil {
		return BuildResult{}, err
	}
	defer func() { err = hide.err(err) }()
	fence := b.fence(o, g)
	if err := fence.classic(ctx, text); err != nil {
		return BuildResult{}, fence.asBuildError(src.Dockerfile, text, err)
	}
	tar, name, err := t.tar(ctx, text)
	if err != nil {
		return BuildResult{}, err
	}
	defer tar.Close()
	args := map[string]*string{}
	for k, v := range o.Args {
		args[k] = &v
	}
	opt := build.ImageBuildOptions{
		Tags: []string{o.Tag}, Dockerfile: name, BuildArgs: args, Target: o.Target, NoCache: o.NoCache,
		PullParent: o.Pull, Platform: o.Platform, Labels: o.Labels, Remove: true, ForceRemove: true,
	}
	g.classicLimits(&opt)
	res, err := b.api.ImageBuild(ctx, tar, opt)
	if err != nil {
		return BuildResult{}, fmt.Errorf("build %s: %w", src.Dockerfile, err)
	}
	defer res.Body.Close()
	c := newClassic(src.Dockerfile, text, p)
	c.hide = hide
	if err := c.follow(res.Body); err != nil {
		return c.result(), c.failure(err)
	}
	out := c.result()
	out.Image.ID = o.Tag
	return out, nil
}

// classic follows the classic builder's stream: "Step 2/3 : RUN make", output, "---> Using cache".
type classic struct {
	file string
	text []byte
	f    dockerfile.File
	p    Progress
	hide veil

	at     int // instruction of the current step, from 1
	seen   int // steps
	cached int
	vertex *bkclient.Vertex
	log    []byte
}

func newClassic(file string, text []byte, p Progress) *classic {
	f, _ := dockerfile.Parse(text)
	return &classic{file: file, text: text, f: f, p: p}
}

// classicMessage is one line of the stream (Docker Engine API, POST /build).
type classicMessage struct {
	Stream      string `json:"stream"`
	Error       string `json:"error"`
	ErrorDetail struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errorDetail"`
}

// stepError is what the classic builder said of a failing step.
type stepError struct {
	msg  string
	code int
}

func (e *stepError) Error() string { return e.msg }

// Docker counts the instructions of the file, Podman those of each stage.
var (
	stepLine   = regexp.MustCompile(`^Step (\d+)/\d+ : (.*)`)
	podmanLine = regexp.MustCompile(`^(?:\[(\d+)/\d+\] )?STEP (\d+)/\d+: (.*)`)
	cacheLine  = regexp.MustCompile(`^ ?-{2,3}> Using cache`)
	noteLine   = regexp.MustCompile(`^(?:\[\d+/\d+\] )?COMMIT |^ ?-{2,3}> [0-9a-f]{11,12}\n$`) // the builder's own, no step's output
)

// step reads a line that begins a step: the place of its instruction in the file, from 1, 0 where it is none of it, and what it says.
func (c *classic) step(s string) (at int, text string, ok bool) {
	if m := stepLine.FindStringSubmatch(s); m != nil {
		at, _ = strconv.Atoi(m[1])
		return at, strings.TrimSpace(m[2]), true
	}
	m := podmanLine.FindStringSubmatch(s)
	if m == nil {
		return 0, "", false
	}
	stage, _ := strconv.Atoi(m[1]) // none where there is one stage
	nth, _ := strconv.Atoi(m[2])
	stage = max(stage, 1) - 1
	if stage >= len(c.f.Stages) {
		return 0, "", true
	}
	i := c.f.Stages[stage].From + nth - 1
	if i < 0 || i >= len(c.f.Instructions) || c.f.Instructions[i].Stage != stage {
		return 0, "", true // one that the engine adds, for labels
	}
	return i + 1, strings.TrimSpace(m[3]), true
}

func (c *classic) follow(r io.Reader) error {
	d := json.NewDecoder(r)
	for {
		var m classicMessage
		err := d.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			c.finish("")
			return nil
		case err != nil:
			c.finish(err.Error())
			return err
		case m.Error != "":
			m.Error = c.hide.over(m.Error)
			c.finish(m.Error)
			return &stepError{m.Error, m.ErrorDetail.Code}
		}
		c.line(c.hide.over(m.Stream))
	}
}

func (c *classic) line(s string) {
	if at, text, ok := c.step(s); ok {
		c.finish("")
		if c.log = nil; at == 0 {
			return
		}
		c.at = at
		c.seen++
		now := time.Now()
		c.vertex = &bkclient.Vertex{
			Digest: digest.FromString(c.file + strconv.Itoa(at)), Name: fmt.Sprintf("[%d/%d] %s", at, len(c.f.Instructions), text), Started: &now,
		}
		c.tell(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{c.vertex}})
		return
	}
	if c.vertex == nil || s == "" || noteLine.MatchString(s) {
		return
	}
	if cacheLine.MatchString(s) && !c.vertex.Cached {
		c.cached++
		c.vertex.Cached = true
		return
	}
	if c.log = append(c.log, s...); len(c.log) > 64<<10 {
		c.log = c.log[len(c.log)-32<<10:]
	}
	c.tell(&bkclient.SolveStatus{Logs: []*bkclient.VertexLog{{Vertex: c.vertex.Digest, Stream: 1, Data: []byte(s), Timestamp: time.Now()}}})
}

func (c *classic) finish(failed string) {
	if c.vertex == nil {
		return
	}
	now := time.Now()
	v := *c.vertex
	v.Completed, v.Error = &now, failed
	c.tell(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{&v}})
	c.vertex = nil
}

func (c *classic) tell(s *bkclient.SolveStatus) {
	if c.p != nil {
		c.p(s)
	}
}

func (c *classic) result() BuildResult { return BuildResult{Steps: c.seen, CachedSteps: c.cached} }

// at names the failing instruction as BuildKit would.
func (e *BuildError) at(in dockerfile.Instruction) {
	first, _, _ := strings.Cut(in.Text, "\n")
	e.StartLine, e.EndLine, e.Step = in.StartLine, in.EndLine, plain.Short(strings.TrimSpace(first), maxName)
}

var exitStatus = regexp.MustCompile(`(?:returned a non-zero code|exit (?:status|code)):? (\d+)`)

func (c *classic) failure(err error) error {
	e := &BuildError{Dockerfile: c.file, LogTail: tail(c.log, logTail), Err: err}
	if c.at > 0 && c.at <= len(c.f.Instructions) {
		e.at(c.f.Instructions[c.at-1])
	}
	heredoc := func(in dockerfile.Instruction) bool { return strings.Contains(in.Text, "\n") }
	if i := slices.IndexFunc(c.f.Instructions, heredoc); i >= 0 && strings.Contains(err.Error(), "Unknown instruction") {
		e.at(c.f.Instructions[i])
		e.Err = fmt.Errorf("this engine's builder knows no here-documents (<<): write it without one, or use Podman 5 or Docker: %w", err)
	}
	e.locate(c.text, c.f)
	if m := exitStatus.FindStringSubmatch(err.Error()); m != nil {
		e.ExitCode, _ = strconv.Atoi(m[1])
	}
	return e
}
