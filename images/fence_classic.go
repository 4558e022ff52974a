package images

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/image"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gilmanlab/hjk-ls/internal/podman"
)

// classic looks at what a Dockerfile asks of the classic builder, which shows nobody what it is going to do: by BuildKit's
// frontend, as BuildKit would do it.
func (f *fence) classic(ctx context.Context, text []byte) (err error) {
	defer func() {
		if r := recover(); r != nil { // the frontend is made for what an engine lets through
			err = fmt.Errorf("%v", r)
		}
	}()
	if f.guard == nil && f.opts.Base == nil {
		return nil
	}
	if err := weigh(text, f.opts); err != nil {
		return err
	}
	platform := ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}
	if f.opts.Platform != "" {
		if platform, err = platforms.Parse(f.opts.Platform); err != nil {
			return err
		}
	}
	caps := pb.Caps.CapSet(pb.Caps.All())
	config := dockerui.Config{BuildArgs: f.opts.Args, Labels: f.opts.Labels, Target: f.opts.Target}
	if f.local && !f.guard.Network {
		config.NetworkMode = pb.NetMode_NONE
	}
	bases := &baseImages{f: f}
	res, err := dockerfile2llb.Dockerfile2LLB(ctx, text, dockerfile2llb.ConvertOpt{
		Config: config, TargetPlatform: &platform, MetaResolver: bases, LLBCaps: &caps,
	})
	switch {
	case bases.refused() != nil:
		return bases.refused()
	case err != nil && f.guard == nil:
		return nil // the engine says what is wrong
	case err != nil:
		return err
	}
	def, err := res.State.Marshal(ctx, llb.WithCaps(caps), llb.Platform(platform))
	if err != nil {
		return err
	}
	return f.definition(ctx, def.ToPB())
}

// baseImages looks at the images of a Dockerfile while the frontend asks for them, several at once.
type baseImages struct {
	f *fence

	mu  sync.Mutex // guards err
	err error      // of the first that was refused
}

func (b *baseImages) refused() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// ResolveImageConfig implements [sourceresolver.ImageMetaResolver].
func (b *baseImages) ResolveImageConfig(ctx context.Context, ref string, o sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	err := b.f.image(ctx, ref)
	if err == nil {
		err = b.triggers(ctx, ref)
	}
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.err == nil {
			b.err = err
		}
		return "", "", nil, err
	}
	return noRegistry{}.ResolveImageConfig(ctx, ref, o)
}

// triggers refuses an image whose ONBUILD the builder would carry out unseen.
func (b *baseImages) triggers(ctx context.Context, ref string) error {
	if b.f.guard == nil || b.f.guard.Agreed && b.f.guard.Network {
		return nil
	}
	res, err := podman.Settle(ctx, func() (image.InspectResponse, error) { return b.f.b.api.ImageInspect(ctx, undigested(ref)) })
	if err != nil {
		return err
	}
	if res.Config != nil && len(res.Config.OnBuild) > 0 {
		return b.f.refused("the image "+ref+" has ONBUILD "+strings.Join(res.Config.OnBuild, ", "), "this engine's builder would carry it out unseen")
	}
	return nil
}

// classicLimits bounds a build of the classic builder.
func (g *Guard) classicLimits(o *build.ImageBuildOptions) {
	if g == nil {
		return
	}
	if !g.Network {
		o.NetworkMode, o.PullParent = "none", false
	}
	if g.Memory > 0 {
		o.Memory, o.MemorySwap = g.Memory, g.Memory
	}
	if g.CPUs > 0 {
		o.CPUPeriod, o.CPUQuota = cpuPeriod, int64(g.CPUs*cpuPeriod)
	}
}

// asBuildError is why a fence refused a Dockerfile of the classic builder, as its own failures are.
func (f *fence) asBuildError(file string, text []byte, err error) error {
	if !errors.Is(err, errUnasked) && !errors.Is(err, errHeavy) {
		return err
	}
	rec := newRecorder(file, text)
	rec.sources(err)
	e := &BuildError{Dockerfile: file, StartLine: rec.source.start, EndLine: rec.source.end, Err: err}
	e.locate(rec.raw, rec.text)
	return e
}
