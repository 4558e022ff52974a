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
	api      *client.Client
	info     EngineInfo // what its first answer told: Host, Source, Name and APIVersion
	identity *identity  // the rest
	log      *zap.Logger
	sem      *semaphore.Weighted
	stop     func() error    // ends what was started for this connection
	life     context.Context // ends with the connection
	hangUp   context.CancelFunc

	homesMu sync.Mutex
	homes   map[string]string // image id and user to home
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

// Client is the connection itself, for packages that speak of other things than containers.
func (e *Engine) Client() *client.Client { return e.api }

// Close ends the connection and what was started for it.
func (e *Engine) Close() error {
	e.hangUp()
	return errors.Join(e.api.Close(), e.stop())
}

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
