package agents

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"

	"github.com/distribution/reference"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/server/builds"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// asked is the build of somebody who asked for it, which is consent to the text that is built, whoever wrote it.
func asked(job *builds.Job, u builds.Unit) func([]byte) *images.Guard {
	return func(text []byte) *images.Guard {
		job.Agree(images.Agreement(text, u.Options))
		return nil
	}
}

// unasked is a build because files changed. A save in the editor of the very Dockerfile that is built, or of a file that a
// Dockerfile reads to which the user has agreed, is as good as asking for it. All else may be an agent's doing.
func (m *Manager) unasked(job *builds.Job, u builds.Unit, c workspace.Config) func([]byte) *images.Guard {
	return func(text []byte) *images.Guard {
		agreement := images.Agreement(text, u.Options)
		if saved, ok := m.savedTexts.Load(resolved(u.Source.Dockerfile)); ok && u.Saved && saved == string(text) {
			job.Agree(agreement)
		}
		agreed := job.Agreed(agreement)
		if agreed && u.Saved {
			return nil
		}
		job.Guard()
		return &images.Guard{
			Network: c.Network == "default", Memory: c.Resources.Memory, CPUs: c.Resources.CPUs, Agreed: agreed,
		}
	}
}

// fenced are the options of every build: caches of the repository's own, and no image of another project's.
func (m *Manager) fenced(w wish, o images.BuildOptions, fb Feedback) images.BuildOptions {
	sum := sha256.Sum256([]byte(w.repo.Root))
	o.Caches = "hjk-" + hex.EncodeToString(sum[:8])
	o.Given = m.buildCertificates(w.config)
	var one sync.Mutex // the frontend looks at several images at once; the user is asked one question at a time
	o.Base = func(ctx context.Context, ref string) error {
		one.Lock()
		defer one.Unlock()
		return m.mayUse(ctx, w, ref, fb)
	}
	return o
}

// mayUse lets a Dockerfile use an image that hjk-ls made for a branch of the same repository. That of another may hold what is
// private to that project, and needs the user's consent.
func (m *Manager) mayUse(ctx context.Context, w wish, ref string, fb Feedback) error {
	n, err := reference.ParseNormalizedNamed(ref)
	if err != nil || !strings.HasPrefix(reference.Path(n), "headjack/hjk-") { // of any registry: Podman has some under localhost/
		return nil
	}
	name := strings.TrimPrefix(reference.Path(n), "headjack/")
	own := []string{m.place(w.repo.Root, "").name}
	trees, err := w.repo.Worktrees(ctx)
	if err != nil {
		return wrap(err, CodeWorktreeFailed)
	}
	for _, wt := range trees {
		own = append(own, m.place(wt.MadeRoot, wt.MadeFor).name)
	}
	if slices.Contains(own, name) {
		return nil
	}
	return m.allow(consentAsk{id: "base:" + w.repo.Root + ":" + name, what: "the Dockerfile", power: []string{"another project's image " + reference.FamiliarName(n)}, now: w.allow}, fb)
}
