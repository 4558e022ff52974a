package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	bksecrets "github.com/moby/buildkit/session/secrets"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/tonistiigi/fsutil"
)

// Build builds src and names the result o.Tag. A step that fails, and a Dockerfile that cannot be understood, are a
// *BuildError. Canceling ctx stops the step in the engine.
func (b *Builder) Build(ctx context.Context, src Source, o BuildOptions, p Progress) (BuildResult, error) {
	start := time.Now()
	p = p.plainly()
	bk, err := b.buildkit(ctx)
	var res BuildResult
	switch {
	case errors.Is(err, errNoBuildKit):
		res, err = b.buildClassic(ctx, src, o, p)
	case err == nil:
		res, err = b.solve(ctx, bk, src, o, p)
	}
	res.Duration = time.Since(start)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return res, err
	}
	id := res.Image.ID
	if res.Image, err = b.Inspect(ctx, id); err != nil {
		return res, err
	}
	res.Image.Source, res.Image.Ref = src, o.Tag
	res.Facts = b.sizes(ctx, res.text, o.Target, res.Image, res.Facts)
	return res, nil
}

func (b *Builder) solve(ctx context.Context, bk *bkclient.Client, src Source, o BuildOptions, p Progress) (_ BuildResult, err error) {
	t, err := openTree(src)
	if err != nil {
		return BuildResult{}, err
	}
	defer t.close()
	held, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.fail = cancel
	text, err := t.dockerfile()
	if err != nil {
		return BuildResult{}, err
	}
	o, g := o.guarded(text)
	o, hide, err := b.proxied(o, g)
	if err != nil {
		return BuildResult{}, err
	}
	defer func() { err = hide.err(err) }()
	opt, err := b.solveOpt(t, text, o, g)
	if err != nil {
		return BuildResult{}, err
	}
	rec := newRecorder(src.Dockerfile, text)
	status := make(chan *bkclient.SolveStatus, 64)
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		for s := range status {
			s = hide.status(s)
			rec.note(s)
			if p != nil {
				p(s)
			}
		}
	}()
	res, err := bk.Build(held, opt, "hjk-ls", func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		err := weigh(text, o)
		var r *gateway.Result
		if err == nil {
			r, err = builder.Build(ctx, &tracker{Client: c, rec: rec, fence: b.fence(o, g)})
		}
		rec.sources(err)
		return r, err
	}, status)
	<-followed
	if held.Err() != nil && ctx.Err() == nil { // also where the engine was quicker than the end
		return BuildResult{}, context.Cause(held)
	}
	result := BuildResult{Warnings: rec.warnings}
	result.Steps, result.CachedSteps = rec.steps()
	result.Facts, result.text = rec.facts(), rec.text
	if err != nil {
		return result, rec.failure(ctx, t, err)
	}
	result.Image.ID = imageID(res.ExporterResponse)
	return result, nil
}

// imageID is the engine's id of what was exported: the config's digest in Docker's own store, which gives it by both keys, the
// manifest's in containerd's, which gives both digests.
func imageID(response map[string]string) string {
	for _, key := range []string{exptypes.ExporterImageDigestKey, exptypes.ExporterImageConfigDigestKey} {
		if d := response[key]; d != "" {
			return d
		}
	}
	return ""
}

func (b *Builder) solveOpt(t *tree, text []byte, o BuildOptions, g *Guard) (bkclient.SolveOpt, error) {
	attach, err := b.attachables(o, g)
	if err != nil {
		return bkclient.SolveOpt{}, err
	}
	files, err := t.files(text)
	if err != nil {
		return bkclient.SolveOpt{}, err
	}
	attrs := frontendAttrs(filepath.Base(t.file), text, o)
	g.limit(attrs)
	return bkclient.SolveOpt{
		FrontendAttrs: attrs,
		LocalMounts:   map[string]fsutil.FS{"context": contextFS{t.context, t.fail}, "dockerfile": files},
		SharedKey:     sharedKey(t.src.Context),
		Session:       attach,
		Exports:       []bkclient.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": o.Tag}}},
	}, nil
}

func frontendAttrs(name string, text []byte, o BuildOptions) map[string]string {
	attrs := map[string]string{"filename": name}
	if o.Target != "" {
		attrs["target"] = o.Target
	}
	if o.Platform != "" {
		attrs["platform"] = o.Platform
	}
	if o.NoCache {
		attrs["no-cache"] = ""
	}
	if o.Pull {
		attrs["image-resolve-mode"] = "pull"
	}
	for k, v := range o.Args {
		attrs["build-arg:"+k] = v
	}
	if o.Caches != "" { // after the arguments, which the repository's file can set
		attrs["build-arg:BUILDKIT_CACHE_MOUNT_NS"] = o.Caches
	}
	for k, v := range o.Labels {
		attrs["label:"+k] = v
	}
	if syntax, _, _, ok := parser.DetectSyntax(text); ok && stockFrontend(syntax) {
		attrs["cmdline"] = syntax // says that the directive was answered: by this process
	}
	return attrs
}

// stockFrontend reports whether a "# syntax=" names the frontend that runs in this process anyway. Asking a registry
// for it would only make every build need the network.
func stockFrontend(ref string) bool {
	ref = strings.TrimPrefix(strings.TrimPrefix(ref, "docker.io/"), "index.docker.io/")
	ref, _, _ = strings.Cut(ref, "@")
	name, tag, _ := strings.Cut(ref, ":")
	if name != "docker/dockerfile" || strings.Contains(tag, "labs") {
		return false
	}
	return tag == "" || tag == "latest" || tag == "1" || strings.HasPrefix(tag, "1.")
}

// sharedKey lets the engine know a context it has seen, so that only changed files travel.
func sharedKey(dir string) string {
	sum := sha256.Sum256([]byte("hjk-ls\x00" + dir))
	return hex.EncodeToString(sum[:])
}

// attachables are what the engine may ask of us during a build: registry credentials, secrets, the ssh agent.
func (b *Builder) attachables(o BuildOptions, g *Guard) ([]session.Attachable, error) {
	logins := configfile.New("") // none
	if g == nil || g.Agreed {
		var err error
		if logins, err = config.Load(b.config); err != nil {
			return nil, fmt.Errorf("docker configuration: %w", err)
		}
	}
	all := []session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: authprovider.LoadAuthConfig(logins),
	})}
	if len(o.Secrets)+len(o.Given) > 0 {
		a, err := secrets(o.Secrets, o.Given)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	if len(o.SSH) > 0 {
		a, err := sshAgents(o.SSH)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// given answers for what is no secret before it asks a store of secrets.
type given struct {
	bksecrets.SecretStore
	by map[string][]byte
}

func (g given) GetSecret(ctx context.Context, id string) ([]byte, error) {
	b, err := g.SecretStore.GetSecret(ctx, id)
	if known, ok := g.by[id]; ok && errors.Is(err, bksecrets.ErrNotFound) {
		return known, nil
	}
	return b, err
}

func secrets(list []Secret, by map[string][]byte) (session.Attachable, error) {
	var sources []secretsprovider.Source
	for _, s := range list {
		if s.Env != "" {
			if _, ok := os.LookupEnv(s.Env); !ok {
				return nil, fmt.Errorf("build secret %s: the variable %s is not set", s.ID, s.Env)
			}
		}
		file := s.File
		if rest, ok := strings.CutPrefix(file, "~/"); ok {
			home, err := os.UserHomeDir()
			if err != nil {
				return nil, err
			}
			file = filepath.Join(home, rest)
		}
		sources = append(sources, secretsprovider.Source{ID: s.ID, Env: s.Env, FilePath: file})
	}
	store, err := secretsprovider.NewStore(sources)
	if err != nil {
		return nil, fmt.Errorf("build secrets: %w", err)
	}
	return secretsprovider.NewSecretProvider(given{store, by}), nil
}

func sshAgents(list []string) (session.Attachable, error) {
	var agents []sshprovider.AgentConfig
	for _, spec := range list {
		id, path, _ := strings.Cut(spec, "=")
		a := sshprovider.AgentConfig{ID: id}
		if path != "" {
			a.Paths = strings.Split(path, ",")
		}
		agents = append(agents, a)
	}
	p, err := sshprovider.NewSSHAgentProvider(agents)
	if err != nil {
		return nil, fmt.Errorf("ssh for the build: %w; start an agent (eval $(ssh-agent)) or name a key: default=PATH", err)
	}
	return p, nil
}
