package container

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"
)

// identity is what an engine tells of itself. Docker and Podman start other programs to answer that, which takes as long as all else that a
// command inside needs; so it is asked when somebody needs it.
type identity struct {
	asked sync.Once
	done  chan struct{} // closed when the rest is there
	info  EngineInfo
	err   error
}

// Info says which engine this is. Where that was not asked yet it waits for the answer.
func (e *Engine) Info() EngineInfo {
	e.identity.asked.Do(e.ask)
	<-e.identity.done
	return e.identity.info
}

// Identified is nil when the engine has told what it is, which a container is made by.
func (e *Engine) Identified(ctx context.Context) error {
	e.identity.asked.Do(e.ask)
	select {
	case <-e.identity.done:
		return e.identity.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// known is an engine's name where its first answer has it, and "" where it is to be asked. An engine that is not of this machine is asked,
// as what answers there may be a proxy.
func (e *Engine) known(ctx context.Context) string {
	if !strings.HasPrefix(e.api.DaemonHost(), "unix://") || older(e.api.ClientVersion(), minAPI) {
		return ""
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+client.DummyHost+"/_ping", nil)
	if err != nil {
		return ""
	}
	res, err := e.api.HTTPClient().Do(req)
	if err != nil {
		return ""
	}
	_ = res.Body.Close()
	switch server := res.Header.Get("Server"); {
	case strings.HasPrefix(server, "Docker/"):
		return "docker"
	case strings.HasPrefix(server, "Libpod/"):
		return "podman"
	}
	return ""
}

// identify asks what an engine is, unless its first answer had what everything needs.
func (e *Engine) identify(ctx context.Context, c candidate) error {
	e.info = EngineInfo{Host: c.host, Source: c.source, APIVersion: e.api.ClientVersion(), Name: e.known(ctx)}
	if e.info.Name != "" {
		return nil
	}
	if err := e.Identified(ctx); err != nil {
		return err
	}
	e.info = e.identity.info
	return nil
}

// ask begins to ask. It goes on without those who wait for it, until the connection is closed.
func (e *Engine) ask() {
	go func() {
		ctx, cancel := context.WithTimeoutCause(e.life, identifyTime, errSilent)
		defer cancel()
		defer close(e.identity.done)
		e.identity.info, e.identity.err = e.answer(ctx)
	}()
}

// answer asks both questions at once: an engine that is far away takes its time for each.
func (e *Engine) answer(ctx context.Context) (EngineInfo, error) {
	info := e.info
	var v types.Version
	var sys systemInfo
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		v, err = e.api.ServerVersion(ctx)
		return err
	})
	g.Go(func() (err error) {
		sys, err = e.systemInfo(ctx)
		return err
	})
	if err := g.Wait(); err != nil {
		return info, err
	}
	if older(v.APIVersion, minAPI) {
		return info, fmt.Errorf("engine %s is too old; Docker 20.10 or Podman 4 is the oldest that works", v.Version)
	}
	info.Name, info.Version, info.OS, info.Arch = "docker", v.Version, v.Os, v.Arch
	info.Warnings = told(sys.Warnings)
	for _, comp := range v.Components {
		if strings.HasPrefix(comp.Name, "Podman") {
			info.Name = "podman"
		}
	}
	info.Rootless = sys.Rootless
	for _, opt := range sys.SecurityOptions {
		info.Remapped = info.Remapped || opt == "name=userns"
		if strings.Contains(opt, "rootless") {
			info.Rootless = true
		}
	}
	return info, nil
}
