package agents

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/container"
)

// teardownTime bounds a teardown with the start of its container.
const teardownTime = 30 * time.Second

var errTeardownTime = fmt.Errorf("it did not end in %v", teardownTime)

// tearDown runs what the settings say in the instance's container, which is to be removed. Whatever becomes of it, the removal goes on:
// what does not end well is told, and kept for the result.
func (r *removal) tearDown(ctx context.Context, c container.Container) {
	config, _, err := r.m.config(r.repo)
	if err != nil {
		r.tornDown("the settings are not understood: "+err.Error(), "")
		return
	}
	ch := chore{teardownSession, config.Teardown}
	if len(ch.commands.Words) == 0 {
		return
	}
	w := wish{repo: r.repo, config: config}
	if ask, asked := choreAsk(w, ch, c.ImageID); asked && !r.m.agreed(ask) {
		r.tornDown(ch.commands.String()+" is the repository's, and would have your credentials for git, to which nobody has agreed", "")
		return
	}
	limit, cancel := context.WithTimeoutCause(ctx, teardownTime, errTeardownTime)
	defer cancel()
	r.fb.step("tearing down: " + ch.commands.String())
	if err := r.runTeardown(limit, w, ch, c); err != nil {
		end, _ := container.Log(r.place.runDir(), teardownSession, choreLines)
		r.tornDown(ch.commands.String()+": "+err.Error(), end)
	}
}

// tornDown tells of a teardown that has not ended well.
func (r *removal) tornDown(why, output string) {
	r.teardown = why
	if output = strings.TrimSpace(output); output != "" {
		r.teardown += "; its last output:\n" + output
	}
	r.fb.step("the teardown has not ended well, and the removal goes on: " + why)
}

// wakes reports whether a container that is stopped has to be started for its teardown.
func (r *removal) wakes(c container.Container) bool {
	config, _, err := r.m.config(r.repo)
	return c.State == "exited" && err == nil && len(config.Teardown.Words) > 0
}

func (r *removal) runTeardown(ctx context.Context, w wish, ch chore, c container.Container) error {
	if c.State == "exited" {
		if _, err := r.eng.Start(ctx, c.ID, nil); err != nil {
			return fmt.Errorf("its container does not start: %w", err)
		}
	}
	f := follower{r.m, r.eng, r.fb, r.place, c.ID, ch.session}
	if err := r.m.begin(ctx, f, w, ch, c); err != nil {
		return err
	}
	how, err := f.wait(ctx)
	if err != nil {
		_ = f.kill(ctx, c.Labels[container.LabelUser])
		return err
	}
	if !how.well() {
		return errors.New(how.words())
	}
	return nil
}
