package images

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// fence looks at what a build is going to do before the engine does it. The engine fetches what ADD names by address from the
// host's own network, and follows redirects there, so that no look at an address can tell what is fetched in the end: such
// sources are allowed or refused as a kind.
type fence struct {
	b     *Builder
	opts  BuildOptions
	guard *Guard // nil for a build that was asked for
	local bool   // images have to be in the engine
}

func (b *Builder) fence(o BuildOptions, g *Guard) *fence {
	return &fence{b: b, opts: o, guard: g, local: g.local()}
}

// errUnasked is what a build that nobody asked for may not do.
var errUnasked = errors.New("not in a build that nobody asked for")

// refused is why, and what to do about it.
func (f *fence) refused(what, why string) error {
	return fmt.Errorf("%w: %s; %s. To have it, build it yourself: hjk-ls build, or Build in the editor", errUnasked, what, why)
}

// request looks at what the frontend wants solved.
func (f *fence) request(ctx context.Context, req gateway.SolveRequest) error {
	if req.Frontend != "" && f.guard != nil {
		return f.refused("another frontend (# syntax=) builds this Dockerfile", "it may fetch and run anything")
	}
	if err := f.definition(ctx, req.Definition); err != nil {
		return err
	}
	for _, in := range req.FrontendInputs {
		if err := f.definition(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

func (f *fence) definition(ctx context.Context, def *pb.Definition) error {
	if def == nil {
		return nil
	}
	for _, raw := range def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(raw); err != nil {
			return err
		}
		err := f.source(ctx, op.GetSource())
		if e := op.GetExec(); err == nil && e != nil {
			err = f.exec(e)
		}
		if err != nil {
			return located(err, def, digest.FromBytes(raw))
		}
	}
	return nil
}

// located is err at the lines that an operation comes from. What ADD fetches has none of its own: they are those of what is
// done with it.
func located(err error, def *pb.Definition, op digest.Digest) error {
	if def.Source == nil {
		return err
	}
	var at lines
	for _, use := range append([]digest.Digest{op}, users(def, op)...) {
		locations := def.Source.Locations[string(use)]
		if at.start > 0 || locations == nil {
			continue
		}
		for _, l := range locations.Locations {
			if m := merge(l.Ranges); m.start > 0 {
				at.join(m)
			}
		}
	}
	if at.start == 0 {
		return err
	}
	return parser.WithLocation(err, []parser.Range{{Start: parser.Position{Line: at.start}, End: parser.Position{Line: at.end}}})
}

// users are the operations that have one as their input.
func users(def *pb.Definition, op digest.Digest) (all []digest.Digest) {
	for _, raw := range def.Def {
		var o pb.Op
		if o.UnmarshalVT(raw) != nil {
			continue
		}
		if slices.ContainsFunc(o.Inputs, func(in *pb.Input) bool { return in.Digest == string(op) }) {
			all = append(all, digest.FromBytes(raw))
		}
	}
	return all
}

const imageScheme = "docker-image://"

func (f *fence) source(ctx context.Context, src *pb.SourceOp) error {
	if src == nil || strings.HasPrefix(src.Identifier, "local://") {
		return nil
	}
	if ref, ok := strings.CutPrefix(src.Identifier, imageScheme); ok {
		return f.image(ctx, ref)
	}
	switch {
	case f.guard == nil || f.guard.Network && f.guard.Agreed:
		return nil
	case !f.guard.Network:
		return f.refused("it fetches "+src.Identifier, "the settings give this instance no network")
	}
	return f.refused("it fetches "+src.Identifier, "the engine would fetch it from this machine's own network, and its Dockerfile changed since you last built it")
}

func (f *fence) exec(e *pb.ExecOp) error {
	if f.guard == nil {
		return nil
	}
	if !f.guard.Network && e.Network != pb.NetMode_NONE || e.Network == pb.NetMode_HOST {
		return f.refused("it runs a command with a network that the settings do not give", "none, or the engine's own for builds, is what it may have")
	}
	for _, m := range e.Mounts {
		if s := m.SecretOpt; s != nil && f.missed(s.ID, s.Optional) {
			return f.refused("it needs the secret "+s.ID, "an agent may have written what it runs")
		}
		if s := m.SSHOpt; s != nil && f.missed("ssh "+s.ID, s.Optional) {
			return f.refused("it needs the ssh agent", "an agent may have written what it runs")
		}
	}
	for _, s := range e.Secretenv {
		if f.missed(s.ID, s.Optional) {
			return f.refused("it needs the secret "+s.ID, "an agent may have written what it runs")
		}
	}
	return nil
}

// missed reports whether a step would go wrong without a secret: one that it cannot do without, or that the user has for it.
func (f *fence) missed(id string, optional bool) bool {
	if _, given := f.opts.Given[id]; given {
		return false
	}
	return !optional || slices.Contains(f.guard.withheld, id)
}

// image looks at an image that is built on or copied from.
func (f *fence) image(ctx context.Context, ref string) error {
	if f.opts.Base != nil {
		if err := f.opts.Base(ctx, ref); err != nil {
			return err
		}
	}
	if !f.local {
		return nil
	}
	if _, err := f.b.Inspect(ctx, undigested(ref)); errors.Is(err, ErrNotFound) {
		return f.refused("the image "+ref+" is not in the engine", "a pull is a use of the network, or of your login, which this build may not make")
	} else if err != nil {
		return err
	}
	return nil
}

// undigested is a reference by its tag, if it has one: the engine need not know its images by what the registry calls them.
func undigested(ref string) string {
	if n, err := reference.ParseNormalizedNamed(ref); err == nil {
		if t, ok := n.(reference.Tagged); ok {
			return reference.TrimNamed(n).String() + ":" + t.Tag()
		}
	}
	return ref
}
