package container

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/docker/docker/client"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"
)

// MaxCalls is how many calls one Engine has with the engine at once.
const MaxCalls = 8

// minAPI is Docker Engine 20.10's, and Podman 4's.
const minAPI = "1.40"

// Engine is a connection to a container engine. Close it.
type Engine struct {
	api  *client.Client
	info EngineInfo
	log  *zap.Logger
	sem  *semaphore.Weighted
	stop func() error // ends what was started for this connection

	homesMu sync.Mutex
	homes   map[string]string // image id and user to home
}

// Connect finds an engine: DOCKER_HOST, the current Docker context, the well-known sockets, and last a podman on PATH
// whose service is started as a child. When none answers in time the error is an *UnreachableError.
func Connect(ctx context.Context, o ConnectOptions) (*Engine, error) {
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Second
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	tried := &UnreachableError{}
	all := candidates(o)
	answers := probeAll(ctx, all)
	for i, c := range all {
		a := <-answers[i]
		if a.err == nil {
			closeRest(answers[i+1:])
			a.engine.log = o.Log
			return a.engine, nil
		}
		tried.Tried = append(tried.Tried, Attempt{c.host, c.source, a.err})
	}
	if explicit := len(all) == 1 && all[0].source != "well-known socket"; explicit || o.Passive {
		return nil, tried
	}
	e, err := startPodman(ctx, o)
	if err == nil {
		return e, nil
	}
	if !errors.Is(err, errNoPodman) {
		tried.Tried = append(tried.Tried, Attempt{"podman system service", "podman on PATH", err})
	}
	return nil, tried
}

type answer struct {
	engine *Engine
	err    error
}

// probeAll asks all candidates side by side: a socket behind which nobody answers must not use up the others' time.
func probeAll(ctx context.Context, all []candidate) []chan answer {
	answers := make([]chan answer, len(all))
	for i, c := range all {
		answers[i] = make(chan answer, 1)
		go func() {
			e, err := probe(ctx, c)
			answers[i] <- answer{e, err}
		}()
	}
	return answers
}

func closeRest(answers []chan answer) {
	for _, c := range answers {
		go func() {
			if a := <-c; a.err == nil {
				_ = a.engine.Close()
			}
		}()
	}
}

// probe connects to one candidate and asks what it is.
func probe(ctx context.Context, c candidate) (*Engine, error) {
	if c.err != nil {
		return nil, c.err
	}
	opts := []client.Opt{client.WithAPIVersionNegotiation()}
	if !strings.HasPrefix(c.host, "ssh://") {
		opts = append(opts, client.WithHost(c.host))
	}
	api, err := client.NewClientWithOpts(append(opts, c.options...)...)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		api: api, log: zap.NewNop(), sem: semaphore.NewWeighted(MaxCalls), homes: map[string]string{},
		stop: func() error { return nil },
	}
	if err := e.identify(ctx, c); err != nil {
		_ = api.Close()
		return nil, err
	}
	return e, nil
}

func (e *Engine) identify(ctx context.Context, c candidate) error {
	v, err := e.api.ServerVersion(ctx)
	if err != nil {
		return err
	}
	if older(v.APIVersion, minAPI) {
		return fmt.Errorf("engine %s is too old; Docker 20.10 or Podman 4 is the oldest that works", v.Version)
	}
	e.info = EngineInfo{
		Host: c.host, Source: c.source, Name: "docker", Version: v.Version,
		APIVersion: e.api.ClientVersion(), OS: v.Os, Arch: v.Arch,
	}
	for _, comp := range v.Components {
		if strings.HasPrefix(comp.Name, "Podman") {
			e.info.Name = "podman"
		}
	}
	sys, err := e.api.Info(ctx)
	if err != nil {
		return err
	}
	for _, opt := range sys.SecurityOptions {
		if strings.Contains(opt, "rootless") {
			e.info.Rootless = true
		}
	}
	return nil
}

// older compares API versions such as 1.41.
func older(a, b string) bool {
	num := func(s string) int {
		_, minor, _ := strings.Cut(s, ".")
		n, _ := strconv.Atoi(minor)
		return n
	}
	return num(a) < num(b)
}

// Info says which engine this is.
func (e *Engine) Info() EngineInfo { return e.info }

// Client is the connection itself, for packages that speak of other things than containers.
func (e *Engine) Client() *client.Client { return e.api }

// Close ends the connection and what was started for it.
func (e *Engine) Close() error { return errors.Join(e.api.Close(), e.stop()) }

// callTimeout is far above what any call takes whose work is not the user's: an engine can wedge, and answer never.
const callTimeout = time.Minute

var errNoAnswer = fmt.Errorf("the engine has not answered in %v; see whether `docker ps` does, or restart it", callTimeout)

// call bounds what is with the engine at once, and for how long.
func (e *Engine) call(ctx context.Context, f func(context.Context) error) error {
	if err := e.sem.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer e.sem.Release(1)
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, errNoAnswer)
	defer cancel()
	err := f(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errNoAnswer) {
		return errNoAnswer
	}
	return err
}

// IsUnreachable reports whether err says that the engine did not answer, as opposed to having refused.
func IsUnreachable(err error) bool {
	var ue *UnreachableError
	if err == nil {
		return false
	}
	return errors.As(err, &ue) || client.IsErrConnectionFailed(err) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "error during connect")
}
