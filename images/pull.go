package images

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	bkclient "github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// PullKind is why a pull failed.
type PullKind string

// The kinds of PullError.
const (
	PullNotFound    PullKind = "notFound"
	PullAuth        PullKind = "auth"
	PullCredentials PullKind = "credentials" // refused, and the Docker CLI's configuration did not give what it has
	PullUnreachable PullKind = "unreachable"
	PullPlatform    PullKind = "platform"
	PullOther       PullKind = "other"
)

// PullError is a pull that failed.
type PullError struct {
	Ref  string
	Kind PullKind
	Err  error
}

func (e *PullError) Error() string {
	msg := fmt.Sprintf("pull %s: %v", e.Ref, e.Err)
	switch e.Kind {
	case PullNotFound:
		return msg + "; check the name and the tag, and that you may read it"
	case PullAuth:
		return msg + "; log in first: docker login " + domain(e.Ref)
	case PullCredentials:
		return msg + "; mend that in the Docker CLI's config.json (auths, credsStore, credHelpers), then docker login " + domain(e.Ref)
	case PullUnreachable:
		return msg + "; check the registry's address and the network, or build a Dockerfile instead (--image ./Dockerfile)"
	case PullPlatform:
		return msg + "; set build.platform to one it has"
	}
	return msg
}

func (e *PullError) Unwrap() error { return e.Err }

func domain(ref string) string {
	if n, err := reference.ParseDockerRef(ref); err == nil {
		return reference.Domain(n)
	}
	return ""
}

// Pull makes the engine hold a reference, as policy says, and tells of it.
func (b *Builder) Pull(ctx context.Context, src Source, policy Policy, platform string, p Progress) (Image, error) {
	p = p.plainly()
	img, err := b.Inspect(ctx, src.Ref)
	switch {
	case err == nil && policy != PullAlways && matches(img, platform):
		img.Source = src
		return img, nil
	case err != nil && !errors.Is(err, ErrNotFound):
		return Image{}, err
	case policy == PullNever:
		return Image{}, fmt.Errorf("%w: %s is not here and pull is set to never; pull it first: %s", ErrNotFound, src.Ref, plain.Shell("docker", "pull", src.Ref))
	}
	had := img.ID
	if err := b.pull(ctx, src.Ref, platform, p); err != nil {
		return Image{}, err
	}
	img, err = b.Inspect(ctx, src.Ref)
	img.Source, img.Pulled = src, img.ID != had
	return img, err
}

// matches reports whether a local image is for the wanted platform; "" is any.
func matches(img Image, platform string) bool {
	if platform == "" {
		return true
	}
	os, rest, _ := strings.Cut(platform, "/")
	arch, _, _ := strings.Cut(rest, "/")
	return img.OS == os && (arch == "" || img.Arch == arch)
}

func (b *Builder) pull(ctx context.Context, ref, platform string, p Progress) error {
	auth, noAuth := b.auth(ref)
	r, err := b.api.ImagePull(ctx, ref, image.PullOptions{RegistryAuth: auth, Platform: platform})
	if err != nil {
		return explained(pullError(ctx, ref, err), noAuth)
	}
	defer r.Close()
	if err := follow(ref, r, p); err != nil {
		return explained(pullError(ctx, ref, err), noAuth)
	}
	return nil
}

// explained is err with noAuth as the cause where the registry asked for credentials that could not be had. A registry that
// asks for none is no worse for a credential helper that is gone, as for the Docker CLI.
func explained(err, noAuth error) error {
	var refused *PullError
	if noAuth == nil || !errors.As(err, &refused) || refused.Kind != PullAuth {
		return err
	}
	return &PullError{refused.Ref, PullCredentials, noAuth}
}

// auth is what the Docker CLI's configuration and its credential helpers have for a reference's registry. It is read
// anew each time, so that a login counts at once.
func (b *Builder) auth(ref string) (string, error) {
	cfg, err := config.Load(b.config)
	if err != nil {
		return "", err
	}
	key := domain(ref)
	if key == "docker.io" {
		key = "https://index.docker.io/v1/"
	}
	a, err := cfg.GetAuthConfig(key)
	if err != nil {
		return "", fmt.Errorf("credentials for %s: %w", key, err)
	}
	if a.Username == "" && a.IdentityToken == "" && a.RegistryToken == "" && a.Auth == "" {
		return "", nil
	}
	buf, err := json.Marshal(registry.AuthConfig{
		Username: a.Username, Password: a.Password, Auth: a.Auth, ServerAddress: a.ServerAddress,
		IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken,
	})
	return base64.URLEncoding.EncodeToString(buf), err
}

// pullError tells the kinds of failure apart by the engine's class, and where it has none by its words.
func pullError(ctx context.Context, ref string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	text := strings.ToLower(err.Error())
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	kind := PullOther
	switch {
	case has("no matching manifest", "does not match the specified platform"):
		kind = PullPlatform
	case has("no basic auth credentials", "unauthorized", "authentication required", "denied"), errdefs.IsUnauthorized(err):
		kind = PullAuth
	case errdefs.IsNotFound(err), has("manifest unknown", "not found"):
		kind = PullNotFound
	case has("connection refused", "no such host", "i/o timeout", "network is unreachable", "dial tcp", "client.timeout", "eof"):
		kind = PullUnreachable
	}
	return &PullError{ref, kind, err}
}

// pullMessage is one line of the engine's pull stream (Docker Engine API, POST /images/create).
type pullMessage struct {
	ID             string `json:"id"`
	Status         string `json:"status"`
	Error          string `json:"error"`
	ProgressDetail struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
}

// follow reads a pull stream and tells of it as a vertex with a status a layer.
func follow(ref string, r io.Reader, p Progress) error {
	start := time.Now()
	v := bkclient.Vertex{Digest: digest.FromString("pull " + ref), Name: "pull " + ref, Started: &start}
	tell := func(s *bkclient.SolveStatus) {
		if p != nil {
			p(s)
		}
	}
	tell(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{&v}})
	layers := map[string]*bkclient.VertexStatus{}
	d := json.NewDecoder(r)
	var failed error
	for {
		var m pullMessage
		if err := d.Decode(&m); err != nil {
			if !errors.Is(err, io.EOF) {
				failed = err
			}
			break
		}
		if m.Error != "" {
			failed = errors.New(m.Error)
			break
		}
		if st := layer(layers, v.Digest, m); st != nil {
			tell(&bkclient.SolveStatus{Statuses: []*bkclient.VertexStatus{st}})
		}
	}
	end := time.Now()
	v.Completed = &end
	if failed != nil {
		v.Error = failed.Error()
	}
	tell(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{&v}})
	return failed
}

// layer is the state of one layer after m; nil for messages about the whole.
func layer(all map[string]*bkclient.VertexStatus, vertex digest.Digest, m pullMessage) *bkclient.VertexStatus {
	if m.ID == "" || strings.HasPrefix(m.Status, "Pulling from") {
		return nil
	}
	now := time.Now()
	st := all[m.ID]
	if st == nil {
		st = &bkclient.VertexStatus{ID: m.ID, Vertex: vertex, Started: &now}
		all[m.ID] = st
	}
	c := *st
	c.Timestamp, c.Name = now, strings.ToLower(m.Status)
	if m.ProgressDetail.Total > 0 {
		c.Current, c.Total = m.ProgressDetail.Current, m.ProgressDetail.Total
	}
	if m.Status == "Pull complete" || m.Status == "Already exists" {
		c.Completed = &now
		c.Current = c.Total
	}
	all[m.ID] = &c
	return &c
}
