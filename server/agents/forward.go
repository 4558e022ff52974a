package agents

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
)

// ForwardArgs is the argument object of hjk-ls.forward.
type ForwardArgs struct {
	Workspace string `json:"workspace,omitempty"`
	Branch    string `json:"branch"`
	Port      int    `json:"port"`            // inside
	Local     int    `json:"local,omitempty"` // on the host's loopback; default the same, or the next that is free
}

// ForwardResult is the result of hjk-ls.forward.
type ForwardResult struct {
	Branch string `json:"branch"`
	HostPort
}

// forward listens at a port of the host's loopback and leads who connects to a port of an instance. It outlives stops and recreations
// of the container: who connects meanwhile is turned away.
type forward struct {
	m      *Manager
	target target
	result ForwardResult
	l      net.Listener
	ctx    context.Context
	cancel context.CancelCauseFunc // with why it ended; nil is that it was asked to
	all    sync.WaitGroup
	told   func(string) // notes for the user; may be nil

	mu   sync.Mutex // held while link is made
	link *container.Link
}

// Forward forwards a port until ctx ends, or the instance is gone. ready is told where, note what the user should know.
func (m *Manager) Forward(ctx context.Context, a ForwardArgs, ready func(ForwardResult), note func(string)) error {
	f, err := m.openForward(ctx, a)
	if err != nil {
		return err
	}
	f.told = note
	ready(f.result)
	stop := context.AfterFunc(ctx, func() { f.cancel(nil) })
	defer stop()
	f.serve()
	if why := context.Cause(f.ctx); !errors.Is(why, context.Canceled) {
		return why
	}
	return nil
}

// openForward listens, when the instance runs and its helper can be reached.
func (m *Manager) openForward(ctx context.Context, a ForwardArgs) (*forward, error) {
	if err := checkPort(a.Port, "port"); err != nil {
		return nil, err
	}
	if a.Local != 0 {
		if err := checkPort(a.Local, "local"); err != nil {
			return nil, err
		}
	}
	t, err := m.target(ctx, a.Workspace, a.Branch)
	if err != nil {
		return nil, err
	}
	f := &forward{m: m, target: t}
	f.ctx, f.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	if _, err := f.linked(ctx); err != nil {
		return nil, err
	}
	if f.l, err = listenLocal(a); err != nil {
		f.close()
		return nil, err
	}
	f.result = ForwardResult{Branch: a.Branch, HostPort: hostPort(a.Port, f.l.Addr().(*net.TCPAddr).Port)}
	return f, nil
}

func checkPort(port int, name string) error {
	if port < 1 || port > 65535 {
		return Errorf(CodeInvalidArgument, "%s %d is no port; ports are 1 to 65535", name, port)
	}
	return nil
}

// listenLocal takes the port that is asked for, or where none is, the same as inside or the next that can be had.
func listenLocal(a ForwardArgs) (net.Listener, error) {
	listen := func(port int) (net.Listener, error) {
		return net.Listen("tcp4", net.JoinHostPort(localhost, fmt.Sprint(port)))
	}
	if a.Local != 0 {
		l, err := listen(a.Local)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return nil, Errorf(CodePortTaken, "port %d of this host is taken; leave it out, or take another: %s", a.Local, hjk("forward", a.Branch, fmt.Sprintf("%d:%d", a.Port, nextLocal(a.Local))))
		case errors.Is(err, syscall.EACCES):
			return nil, Errorf(CodePortDenied, "port %d of this host is root's; take one above %d: %s", a.Local, rootPorts-1, hjk("forward", a.Branch, fmt.Sprintf("%d:%d", a.Port, nextLocal(a.Local))))
		}
		return l, wrap(err, CodeInternal)
	}
	for port := range candidates(a.Port) {
		l, err := listen(port)
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) {
			return l, wrap(err, CodeInternal)
		}
	}
	return nil, Errorf(CodePortTaken, "no port of this host is free")
}

// nextLocal is a port to propose in the place of one that cannot be had.
func nextLocal(port int) int {
	for p := range candidates(port) {
		if p != port && p >= rootPorts && free(p) {
			return p
		}
	}
	return port
}

// serve leads connections until the forward is ended.
func (f *forward) serve() {
	stop := context.AfterFunc(f.ctx, func() { _ = f.l.Close() })
	defer stop()
	for {
		c, err := f.l.Accept()
		if err != nil {
			if f.ctx.Err() == nil {
				f.cancel(wrap(err, CodeInternal))
			}
			break
		}
		f.all.Go(func() { f.lead(c.(*net.TCPConn)) })
	}
	f.close()
}

// close ends the forward with its connections, and returns when they have.
func (f *forward) close() {
	f.cancel(nil)
	f.mu.Lock()
	if f.link != nil {
		f.link.Close()
		f.link = nil
	}
	f.mu.Unlock()
	f.all.Wait()
}

// lead connects who came with the port inside.
func (f *forward) lead(c *net.TCPConn) {
	defer c.Close()
	inner, err := f.dial()
	if err != nil {
		_ = c.SetLinger(0) // a reset, as from a port where nobody listens
		f.note(err)
		return
	}
	defer inner.Close()
	stop := context.AfterFunc(f.ctx, func() {
		_ = c.Close()
		_ = inner.Close()
	})
	defer stop()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(c, inner)
		_ = c.CloseWrite()
	})
	_, _ = io.Copy(inner, c)
	_ = inner.CloseWrite()
	back.Wait()
}

// dial connects to the port inside, over a new link where the old one has ended with its container.
func (f *forward) dial() (s container.Stream, err error) {
	for range 2 {
		link, err := f.linked(f.ctx)
		if err != nil {
			return nil, err
		}
		if s, err = link.Dial(f.ctx, f.result.Port); err == nil || unreached(err) {
			return s, err
		}
		f.drop(link)
	}
	return nil, err
}

func unreached(err error) bool {
	var se *container.SessionError
	return errors.As(err, &se) && se.Code == shim.CodeUnreached
}

// linked is the link into the container that runs now.
func (f *forward) linked(ctx context.Context) (*container.Link, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.link != nil {
		return f.link, nil
	}
	t := f.target
	c, ok, err := f.m.observe(ctx, t.eng, t.place)
	switch {
	case err != nil:
		return nil, f.m.failed(t.eng, err)
	case !ok:
		return nil, noInstance(t.place.Now)
	case c.State != "running":
		return nil, Errorf(CodeInstanceStopped, "branch %q is %s; start it with: %s", t.place.Now, instanceState(c), hjk("run", t.place.Now))
	}
	link, err := t.eng.Link(ctx, c.ID, c.Labels[container.LabelUser], t.place.runDirOf(c))
	if errors.Is(err, container.ErrOldHelper) {
		return nil, Errorf(CodeEngineFailed, "%w; make it anew with: %s", err, hjk("recreate", t.place.Now))
	}
	if err != nil {
		return nil, f.m.failed(t.eng, err)
	}
	f.link = link
	if done := link.Done(); done != nil {
		f.all.Go(func() { f.follow(link, done) })
	}
	return link, nil
}

// drop ends a link that is of no use any more.
func (f *forward) drop(link *container.Link) {
	f.mu.Lock()
	if f.link == link {
		f.link = nil
	}
	f.mu.Unlock()
	link.Close()
}

// goneEvery is how often it is looked whether an instance is gone whose container has ended.
const goneEvery = 2 * time.Second

// follow waits for the end of a link. Where the instance is gone, the forward ends too.
func (f *forward) follow(link *container.Link, done <-chan struct{}) {
	select {
	case <-f.ctx.Done():
		return
	case <-done:
	}
	f.drop(link)
	for t := time.NewTicker(goneEvery); ; {
		select {
		case <-f.ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		c, ok, err := f.m.observe(f.ctx, f.target.eng, f.target.place)
		if err == nil && !ok {
			f.cancel(noInstance(f.target.place.Now))
		}
		if err == nil && (!ok || c.State == "running") {
			t.Stop()
			return
		}
	}
}

// note tells why somebody was turned away.
func (f *forward) note(err error) {
	if f.ctx.Err() != nil {
		return
	}
	said := err.Error()
	if unreached(err) {
		said = fmt.Sprintf("nothing listens on port %d of %s", f.result.Port, f.result.Branch)
	}
	if f.told != nil {
		f.told(said)
		return
	}
	f.m.log.Info("a forwarded connection was turned away", zap.String("branch", f.result.Branch), zap.String("why", said))
}
