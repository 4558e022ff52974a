package agents

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// wish is what an operation wants its container to be made from, with the settings that bear on it.
type wish struct {
	repo   *workspace.Repo
	config workspace.Config
	values []workspace.Value
	image  string // the request's, else ""
	allow  bool   // the user allows, in this request, what the image asks for

	kept    bool // image is what the container before was made from
	unasked bool // nobody asked for the operation in so many words: it builds nothing, and takes the image that is there
}

// source decides where the image of an instance comes from: request, settings, a Dockerfile of the worktree, default.
func (w wish) source(worktree string) (images.Source, error) {
	name := w.image
	if name == "" {
		name = w.config.Image
	}
	if name != "" {
		src, err := images.Parse(name, worktree)
		if errors.Is(err, images.ErrDockerfileNotFound) {
			if here, ok := w.uncommitted(name); ok {
				return here, nil
			}
		}
		return src, sourceError(err)
	}
	src, found, err := images.Discover(worktree)
	if err != nil {
		return src, sourceError(err)
	}
	if !found {
		passed := src.Passed
		src = images.DefaultSource()
		src.Passed = passed
	}
	return src, nil
}

// uncommitted is a Dockerfile that the branch does not have and the checkout its user works in has: one that is being
// tried out. Its context is its own folder.
func (w wish) uncommitted(name string) (images.Source, bool) {
	if w.repo == nil {
		return images.Source{}, false
	}
	src, err := images.Parse(name, w.repo.From)
	if err != nil || src.Kind != images.KindDockerfile && src.Devcontainer == "" {
		return images.Source{}, false
	}
	if src.Devcontainer != "" { // it says its context itself
		return src, true
	}
	src.Context = filepath.Dir(src.Dockerfile)
	return src, true
}

// provide makes the engine hold the image of src: builds it, or pulls it when the policy says so.
func (m *Manager) provide(ctx context.Context, eng *engine, w wish, p place, src images.Source, fb Feedback) (images.Image, error) {
	if src.Kind != images.KindDockerfile {
		if src.Devcontainer != "" {
			if err := m.mayUse(ctx, w, src.Ref, fb); err != nil {
				return images.Image{}, err
			}
		}
		fb.step("looking for image " + src.Ref + w.why(src))
		img, err := eng.images.Pull(ctx, src, images.Policy(w.config.Pull), w.config.Build.Platform, fb.Solve)
		if err == nil && img.Pulled {
			m.broughtIn(ctx, eng, img, src.Ref)
		}
		return img, wrap(err, CodePullFailed)
	}
	if w.unasked {
		img, err := eng.images.Inspect(ctx, p.tag())
		img.Source = src
		return img, wrap(err, CodeBuildFailed)
	}
	opts, err := m.buildOptions(w, src, p.tag())
	if err != nil {
		return images.Image{}, err
	}
	u, err := m.unit(w, src)
	if err != nil {
		return images.Image{}, err
	}
	u.Branch, u.Tags = p.Now, []string{p.tag()}
	fb.step("building " + src.Dockerfile + w.why(src))
	res, err := m.build(ctx, eng, u, w, m.fenced(w, opts, fb), fb)
	return res.Image, err
}

// buildOptions are the settings' build options, with those of a devcontainer.json.
func (m *Manager) buildOptions(w wish, src images.Source, tag string) (images.BuildOptions, error) {
	b := w.config.Build
	secrets, err := parseSecrets(b.Secrets)
	if err != nil {
		return images.BuildOptions{}, err
	}
	if _, err := m.certificates(w.config); err != nil { // before a build that takes its time
		return images.BuildOptions{}, err
	}
	return images.BuildOptions{
		Target: b.Target, Args: b.Args, Secrets: secrets, SSH: b.SSH, Platform: b.Platform, Tag: tag,
	}.With(src)
}

// parseSecrets reads build.secrets: "id=npmrc,src=~/.npmrc" or "id=token,env=TOKEN" as docker build --secret takes
// them; a bare name is both the id and the variable.
func parseSecrets(specs []string) ([]images.Secret, error) {
	var all []images.Secret
	for _, spec := range specs {
		var s images.Secret
		for _, field := range strings.Split(spec, ",") {
			key, value, ok := strings.Cut(field, "=")
			switch {
			case !ok && s.ID == "":
				s.ID = key
			case key == "id":
				s.ID = value
			case key == "env":
				s.Env = value
			case key == "src" || key == "source":
				s.File = value
			default:
				return nil, Errorf(CodeInvalidConfig, "build.secrets: %q is not understood; write NAME, id=NAME,src=FILE or id=NAME,env=VARIABLE", spec)
			}
		}
		if s.Env == "" && s.File == "" {
			s.Env = s.ID
		}
		all = append(all, s)
	}
	return all, nil
}
