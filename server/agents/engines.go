package agents

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim/embed"
	"github.com/gilmanlab/hjk-ls/images"
)

// engine is one connection with what is built on it.
type engine struct {
	*container.Engine
	images *images.Builder
	shim   func(context.Context) (string, error) // host path of the helper for the engine's architecture
}

// engines connects when somebody first needs the engine, and again after it went away. A Manager has one at a time.
type engines struct {
	m    *Manager
	turn chan struct{} // holds one while somebody connects, so that a crowd connects once
	life context.Context
	end  context.CancelFunc

	mu      sync.Mutex // guards what follows
	current *engine
	closed  bool
	failed  failedConnect
}

// failedConnect is the last attempt that found no engine. Who waited for it meanwhile need not try again.
type failedConnect struct {
	began   time.Time
	passive bool
	err     error
}

func (e *engines) init(m *Manager) {
	e.m, e.turn = m, make(chan struct{}, 1)
	e.life, e.end = context.WithCancel(context.Background())
}

// get answers with a connected engine, or with an error whose code is CodeEngineUnreachable.
func (e *engines) get(ctx context.Context) (*engine, error) { return e.getBy(ctx, false) }

// passive is get that starts nothing: for what a client did not ask for.
func (e *engines) passive(ctx context.Context) (*engine, error) { return e.getBy(ctx, true) }

func (e *engines) getBy(ctx context.Context, passive bool) (*engine, error) {
	asked := time.Now()
	if eng, err := e.known(asked, passive); eng != nil || err != nil {
		return eng, err
	}
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, Errorf(CodeCanceled, "canceled: %w", context.Cause(ctx))
	}
	defer func() { <-e.turn }()
	if eng, err := e.known(asked, passive); eng != nil || err != nil {
		return eng, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.life, cancel)()
	began := time.Now()
	eng, err := e.connect(ctx, passive)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err == nil && e.closed:
		return nil, errors.Join(errShutDown, eng.close())
	case err == nil:
		e.current = eng
	case ctx.Err() == nil:
		e.failed = failedConnect{began, passive, err}
	}
	return eng, err
}

var errShutDown = Errorf(CodeCanceled, "hjk-ls is shutting down")

// known is the engine, or why there is none, as far as it can be told without connecting for somebody who asked at a time.
func (e *engines) known(asked time.Time, passive bool) (*engine, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return nil, errShutDown
	case e.current == nil && e.failed.began.After(asked) && (passive || !e.failed.passive):
		return nil, e.failed.err
	}
	return e.current, nil
}

func (e *engines) connect(ctx context.Context, passive bool) (*engine, error) {
	o := e.m.opts
	c, err := container.Connect(ctx, container.ConnectOptions{
		Env: container.HostEnv(), Override: o.EngineHost, Log: e.m.log, Passive: passive,
	})
	if err != nil && ctx.Err() != nil { // nobody waited for an answer
		return nil, Errorf(CodeCanceled, "canceled: %w", context.Cause(ctx))
	}
	if err != nil {
		return nil, wrap(err, CodeEngineUnreachable)
	}
	b := images.New(images.Options{Client: c.Client(), Log: e.m.log, DockerConfigDir: e.dockerConfigDir()})
	eng := &engine{Engine: c, images: b}
	eng.shim = func(ctx context.Context) (string, error) {
		if err := c.Identified(ctx); err != nil {
			if ctx.Err() == nil {
				e.lost(eng) // the next operation asks anew
			}
			return "", wrap(fmt.Errorf("the engine does not tell what it is: %w", err), CodeEngineUnreachable)
		}
		return e.m.helper(ctx, c.Info().Arch)
	}
	return eng, nil
}

// helper is where the helper for containers on arch lies on this host, which is where it is put when it is first needed.
func (m *Manager) helper(ctx context.Context, arch string) (string, error) {
	bin, err := embed.Binary(arch)
	if errors.Is(err, embed.ErrNotBuilt) {
		bin, err = embed.Compile(ctx, arch)
	}
	if err != nil {
		return "", Errorf(CodeInternal, "the helper for containers on %s: %w", arch, err)
	}
	path, err := container.InstallShim(m.opts.StateDir, arch, bin)
	if err != nil {
		return "", Errorf(CodeInternal, "put the helper for containers into %s: %w", m.opts.StateDir, err)
	}
	return path, nil
}

func (e *engines) dockerConfigDir() string {
	if d := e.m.opts.Getenv("DOCKER_CONFIG"); d != "" {
		return d
	}
	return filepath.Join(e.m.opts.Home, ".docker")
}

// lost drops eng after a call found it gone, so that the next operation looks for an engine again.
func (e *engines) lost(eng *engine) {
	e.mu.Lock()
	drop := e.current == eng
	if drop {
		e.current = nil
	}
	e.mu.Unlock()
	if drop {
		_ = eng.close()
	}
}

func (e *engines) close() error {
	e.mu.Lock()
	eng := e.current
	e.current, e.closed = nil, true
	e.mu.Unlock()
	e.end()
	if eng == nil {
		return nil
	}
	return eng.close()
}

func (eng *engine) close() error { return errors.Join(eng.images.Close(), eng.Engine.Close()) }

// name is the engine's, as the flags labels spell it.
func (eng *engine) name() string { return eng.Info().Name }
