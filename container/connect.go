package container

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker/docker/client"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"
)

const (
	// answerTime is how long a place may take to answer for the first time. An engine far away, or on a busy machine, takes
	// seconds; where nothing listens is told at once.
	answerTime = 10 * time.Second
	// silence is how long a place that answers nothing holds up a place behind it that is an engine.
	silence = 4 * time.Second
	// identifyTime is how long what has answered may take to say what it is.
	identifyTime = 30 * time.Second
)

// Connect finds an engine: DOCKER_HOST, the current Docker context, the well-known sockets, and last a podman on PATH
// whose service is started as a child. When none answers in time the error is an *UnreachableError.
func Connect(ctx context.Context, o ConnectOptions) (*Engine, error) {
	if o.Timeout == 0 {
		o.Timeout = answerTime
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all := candidates(o)
	e, tried := choose(all, probeAll(ctx, all, o.Timeout))
	if e != nil {
		e.log = o.Log
		return e, nil
	}
	if explicit := len(all) == 1 && all[0].source != "well-known socket"; explicit || o.Passive {
		return nil, tried
	}
	ctx, cancel = context.WithTimeout(ctx, o.Timeout+identifyTime)
	defer cancel()
	e, err := startPodman(ctx, o)
	if err == nil {
		return e, nil
	}
	if !errors.Is(err, errNoPodman) {
		tried.Tried = append(tried.Tried, Attempt{"podman system service", "podman on PATH", err})
	}
	return nil, tried
}

// news is what is learned of a candidate.
type news struct {
	at   int // of the candidate
	done bool
	e    *Engine
	err  error
}

// trial is how far the asking of a candidate has come.
type trial struct {
	alive, done bool
	e           *Engine
	err         error
}

// probeAll asks all candidates side by side: a socket behind which nobody answers must not use up the others' time. Each gives
// at most two news.
func probeAll(ctx context.Context, all []candidate, patience time.Duration) <-chan news {
	told := make(chan news, 2*len(all))
	for i, c := range all {
		go func() {
			e, err := probe(ctx, c, patience, func() { told <- news{at: i} })
			told <- news{i, true, e, err}
		}()
	}
	return told
}

// choose takes the first candidate that is an engine, and closes the others.
func choose(all []candidate, told <-chan news) (*Engine, *UnreachableError) {
	trials := make([]trial, len(all))
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for late := false; ; {
		if best, decided := decide(trials, late); decided {
			go closeOthers(trials, best, told)
			if best >= 0 {
				return trials[best].e, nil
			}
			tried := &UnreachableError{}
			for i, t := range trials {
				tried.Tried = append(tried.Tried, Attempt{all[i].host, all[i].source, t.err})
			}
			return nil, tried
		}
		select {
		case n := <-told:
			trials[n.at] = trial{true, n.done, n.e, n.err}
		case <-quiet.C:
			late = true
		}
	}
}

// decide is the best of the candidates, -1 when none is an engine, and whether that is clear. One that answers slowly is waited
// for: what runs there is looked for there. One that is silent is, until it is late and one behind it is an engine.
func decide(trials []trial, late bool) (best int, decided bool) {
	passed := false
	for i, t := range trials {
		switch {
		case t.done && t.err == nil:
			return i, true
		case t.done:
		case t.alive || !late:
			return -1, false
		default:
			passed = true
		}
	}
	return -1, !passed
}

// closeOthers closes what was not chosen, also what comes late.
func closeOthers(trials []trial, best int, told <-chan news) {
	open := 0
	for i, t := range trials {
		if i != best && t.e != nil {
			_ = t.e.Close()
		}
		if !t.done {
			open++
		}
	}
	for open > 0 {
		if n := <-told; n.done {
			open--
			if n.e != nil {
				_ = n.e.Close()
			}
		}
	}
}

var errSilent = fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)

// probe connects to one candidate and asks what it is. alive is called when it has answered anything.
func probe(ctx context.Context, c candidate, patience time.Duration, alive func()) (*Engine, error) {
	if c.err != nil {
		return nil, c.err
	}
	opts := append([]client.Opt{client.WithAPIVersionNegotiation()}, c.options...)
	if !strings.HasPrefix(c.host, "ssh://") {
		opts = append(opts, client.WithHost(c.host)) // last: it has a context's own transport ask by the host's proxy, as the Docker CLI does
	}
	api, err := client.NewClientWithOpts(opts...)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		api: api, log: zap.NewNop(), sem: semaphore.NewWeighted(MaxCalls), homes: map[string]string{},
		stop: func() error { return nil }, identity: &identity{done: make(chan struct{})},
	}
	e.life, e.hangUp = context.WithCancel(context.Background())
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := time.AfterFunc(patience, func() { cancel(errSilent) })
	defer limit.Stop()
	ping, err := api.Ping(ctx)
	if err == nil {
		alive()
		api.NegotiateAPIVersionPing(ping)
		limit.Reset(identifyTime)
		err = e.identify(ctx, c)
	}
	if err != nil {
		if errors.Is(context.Cause(ctx), errSilent) {
			err = errSilent
		}
		e.hangUp()
		return nil, errors.Join(err, api.Close())
	}
	return e, nil
}
