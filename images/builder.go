package images

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	bkclient "github.com/moby/buildkit/client"
	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/internal/podman"
)

// Options are what a Builder works with.
type Options struct {
	Client          *client.Client
	Log             *zap.Logger
	DockerConfigDir string // where the Docker CLI keeps registry credentials
	Classic         bool   // never use BuildKit, as for an engine that has none
}

// Builder makes an engine hold images.
type Builder struct {
	api     *client.Client
	log     *zap.Logger
	config  string
	classic bool

	mu sync.Mutex // guards bk
	bk *bkclient.Client
}

// New makes a Builder. It does no I/O. Close it.
func New(o Options) *Builder {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Builder{api: o.Client, log: o.Log, config: o.DockerConfigDir, classic: o.Classic}
}

// Close ends the connection to BuildKit. The engine's client is its owner's to close.
func (b *Builder) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bk == nil {
		return nil
	}
	err := b.bk.Close()
	b.bk = nil
	return err
}

// errNoBuildKit means that the engine has no BuildKit to talk to.
var errNoBuildKit = errors.New("the engine has no BuildKit")

// buildkit connects to the BuildKit inside the engine, once.
func (b *Builder) buildkit(ctx context.Context) (*bkclient.Client, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bk != nil {
		return b.bk, nil
	}
	if b.classic {
		return nil, errNoBuildKit
	}
	probe, err := b.api.DialHijack(ctx, "/grpc", "h2c", nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoBuildKit, err)
	}
	probe.Close()
	bk, err := bkclient.New(context.WithoutCancel(ctx), "",
		bkclient.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return b.api.DialHijack(ctx, "/grpc", "h2c", nil)
		}),
		bkclient.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return b.api.DialHijack(ctx, "/session", proto, meta)
		}))
	if err != nil {
		return nil, err
	}
	b.bk = bk
	return bk, nil
}

// Inspect tells an image the engine holds; one it does not is ErrNotFound.
func (b *Builder) Inspect(ctx context.Context, ref string) (Image, error) {
	res, err := podman.Settle(ctx, func() (image.InspectResponse, error) { return b.api.ImageInspect(ctx, ref) })
	if errdefs.IsNotFound(err) {
		return Image{}, fmt.Errorf("%w: %s is not in the engine", ErrNotFound, ref)
	}
	if err != nil {
		return Image{}, fmt.Errorf("inspect image %s: %w", ref, err)
	}
	img := Image{Ref: ref, ID: res.ID, OS: res.Os, Arch: res.Architecture, Size: res.Size}
	img.Created, _ = time.Parse(time.RFC3339Nano, res.Created)
	if len(res.RepoDigests) > 0 {
		img.RepoDigest = res.RepoDigests[0]
	}
	if c := res.Config; c != nil {
		img.User, img.WorkingDir, img.Env, img.Labels = c.User, c.WorkingDir, c.Env, c.Labels
		img.Entrypoint, img.Cmd, img.StopSignal = c.Entrypoint, c.Cmd, c.StopSignal
	}
	return img, nil
}

// Tag gives an image more names.
func (b *Builder) Tag(ctx context.Context, id string, names []string) error {
	for _, n := range names {
		err := b.api.ImageTag(ctx, id, n)
		if errdefs.IsNotFound(err) {
			return fmt.Errorf("%w: %s is not in the engine", ErrNotFound, id)
		}
		if err != nil {
			return fmt.Errorf("name image %s: %w", n, err)
		}
	}
	return nil
}

// Named tells the ids of the images whose names match a pattern such as headjack/*.
func (b *Builder) Named(ctx context.Context, pattern string) (map[string]string, error) {
	list, err := b.list(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", pattern))})
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	ids := map[string]string{}
	for _, i := range list {
		for _, t := range i.RepoTags {
			ids[t] = i.ID
		}
	}
	return ids, nil
}

func (b *Builder) list(ctx context.Context, o image.ListOptions) ([]image.Summary, error) {
	return podman.Settle(ctx, func() ([]image.Summary, error) { return b.api.ImageList(ctx, o) })
}

// remove asks again where Docker stumbled over somebody who removed the same image at the same moment.
func (b *Builder) remove(ctx context.Context, name string, o image.RemoveOptions) error {
	_, err := b.api.ImageRemove(ctx, name, o)
	if err != nil && strings.Contains(err.Error(), "unrecognized image ID") {
		_, err = b.api.ImageRemove(ctx, name, o)
	}
	return err
}

// Untag takes a name away from an image; the image goes with its last name. A name that is gone is no error.
func (b *Builder) Untag(ctx context.Context, tag string) error {
	err := b.remove(ctx, tag, image.RemoveOptions{})
	if err == nil || errdefs.IsNotFound(err) || errdefs.IsConflict(err) { // conflict: a container still uses it
		return nil
	}
	return fmt.Errorf("remove image name %s: %w", tag, err)
}
