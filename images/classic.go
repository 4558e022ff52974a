package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/build"
	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/opencontainers/go-digest"

	"github.com/gilmanlab/hjk-ls/images/dockerfile"
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

// classic follows the classic builder's stream: "Step 2/3 : RUN make", output, "---> Using cache". Podman's has "STEP 2/3: RUN make", or, of
// several stages, "[1/2] STEP 2/3: RUN make"; it counts the instructions of a stage from its FROM.
type classic struct {
	file  string
	text  []byte
	steps []int // first line of each instruction
	ends  []int
	froms []int // which of them begin a stage
	p     Progress
	hide  veil

	at     int // current step, from 1
	step   string
	cached int
	vertex *bkclient.Vertex
	log    []byte
}

func newClassic(file string, text []byte, p Progress) *classic {
	c := &classic{file: file, text: text, p: p}
	if res, err := parser.Parse(strings.NewReader(string(text))); err == nil {
		for _, n := range res.AST.Children {
			if strings.EqualFold(n.Value, "from") {
				c.froms = append(c.froms, len(c.steps))
			}
			c.steps = append(c.steps, n.StartLine)
			c.ends = append(c.ends, n.EndLine)
		}
	}
	return c
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

var stepLine = regexp.MustCompile(`^(?:\[(\d+)/\d+\] )?(Step|STEP) (\d+)/\d+ ?: (.*)`)

// instruction is which of the Dockerfile's instructions a step line is of, from 1.
func (c *classic) instruction(m []string) int {
	stage, _ := strconv.Atoi(m[1])
	step, _ := strconv.Atoi(m[3])
	if stage = max(stage, 1); m[2] == "STEP" && stage <= len(c.froms) {
		step += c.froms[stage-1]
	}
	return step
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
	if m := stepLine.FindStringSubmatch(s); m != nil {
		c.finish("")
		c.at = c.instruction(m)
		c.step, c.log = strings.TrimSpace(m[4]), nil
		now := time.Now()
		c.vertex = &bkclient.Vertex{
			Digest:  digest.FromString(c.file + strconv.Itoa(c.at)),
			Name:    "[" + strconv.Itoa(c.at) + "/" + strconv.Itoa(len(c.steps)) + "] " + c.step,
			Started: &now,
		}
		c.tell(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{c.vertex}})
		return
	}
	if strings.Contains(s, "Using cache") {
		c.cached++
		if c.vertex != nil {
			c.vertex.Cached = true
		}
		return
	}
	if c.vertex == nil || s == "" {
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

func (c *classic) result() BuildResult { return BuildResult{Steps: c.at, CachedSteps: c.cached} }

var exitStatus = regexp.MustCompile(`(?:returned a non-zero code|exit (?:status|code)):? (\d+)`)

func (c *classic) failure(err error) error {
	e := &BuildError{Dockerfile: c.file, Step: c.step, LogTail: tail(c.log, logTail), Err: err}
	if c.at > 0 && c.at <= len(c.steps) {
		e.StartLine, e.EndLine = c.steps[c.at-1], c.ends[c.at-1]
	}
	f, _ := dockerfile.Parse(c.text)
	e.locate(c.text, f)
	if m := exitStatus.FindStringSubmatch(err.Error()); m != nil {
		e.ExitCode, _ = strconv.Atoi(m[1])
	}
	return e
}
