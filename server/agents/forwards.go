package agents

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"go.uber.org/zap"
)

// UnforwardResult is the result of hjk-ls.unforward.
type UnforwardResult struct {
	Ended []HostPort `json:"ended"`
}

// forwards are those that a server has, until they are ended or the server is.
type forwards struct {
	mu     sync.Mutex // guards what follows
	closed bool
	all    map[forwardKey]*forward
	run    sync.WaitGroup
}

type forwardKey struct {
	instance string // by name
	port     int
}

// KeepForward forwards a port until Unforward or Close. One that is forwarded already stays as it is.
func (m *Manager) KeepForward(ctx context.Context, a ForwardArgs) (ForwardResult, error) {
	if res, ok, err := m.forwardOf(ctx, a); ok || err != nil {
		return res, err
	}
	f, err := m.openForward(ctx, a)
	if err != nil {
		return ForwardResult{}, err
	}
	key := forwardKey{f.target.place.name, a.Port}
	fs := &m.forwards
	fs.mu.Lock()
	other, twice := fs.all[key]
	if fs.closed || twice {
		fs.mu.Unlock()
		_ = f.l.Close()
		f.close()
		if twice {
			return other.result, nil
		}
		return ForwardResult{}, Errorf(CodeCanceled, "the server ends")
	}
	if fs.all == nil {
		fs.all = map[forwardKey]*forward{}
	}
	fs.all[key] = f
	fs.run.Go(func() {
		f.serve()
		if why := context.Cause(f.ctx); !errors.Is(why, context.Canceled) {
			m.log.Info("a forward has ended", zap.String("branch", f.result.Branch), zap.Error(why))
		}
		fs.mu.Lock()
		if fs.all[key] == f {
			delete(fs.all, key)
		}
		fs.mu.Unlock()
		m.changed.kick()
	})
	fs.mu.Unlock()
	m.changed.kick()
	return f.result, nil
}

// forwardOf is the forward of a port that there is already.
func (m *Manager) forwardOf(ctx context.Context, a ForwardArgs) (ForwardResult, bool, error) {
	t, err := m.target(ctx, a.Workspace, a.Branch)
	if err != nil {
		return ForwardResult{}, false, err
	}
	m.forwards.mu.Lock()
	defer m.forwards.mu.Unlock()
	f, ok := m.forwards.all[forwardKey{t.place.name, a.Port}]
	if !ok {
		return ForwardResult{}, false, nil
	}
	if a.Local != 0 && a.Local != f.result.Host {
		return ForwardResult{}, false, Errorf(CodePortTaken, "port %d of %q is forwarded at %d already; end that first with hjk-ls.unforward", a.Port, a.Branch, f.result.Host)
	}
	return f.result, true, nil
}

// Unforward ends the forward of a port, or without one all of the branch.
func (m *Manager) Unforward(ctx context.Context, a UnforwardArgs) (UnforwardResult, error) {
	t, err := m.target(ctx, a.Workspace, a.Branch)
	if err != nil {
		return UnforwardResult{}, err
	}
	m.forwards.mu.Lock()
	var ends []*forward
	for key, f := range m.forwards.all {
		if key.instance == t.place.name && (a.Port == 0 || a.Port == key.port) {
			delete(m.forwards.all, key)
			ends = append(ends, f)
		}
	}
	m.forwards.mu.Unlock()
	if len(ends) == 0 && a.Port != 0 {
		return UnforwardResult{}, Errorf(CodePortNotFound, "port %d of %q is not forwarded by this server", a.Port, a.Branch)
	}
	res := UnforwardResult{Ended: []HostPort{}}
	for _, f := range ends {
		f.cancel(nil)
		_ = f.l.Close() // so that the port is free when this is answered
		res.Ended = append(res.Ended, f.result.HostPort)
	}
	sortPorts(res.Ended)
	return res, nil
}

// UnforwardArgs is the argument object of hjk-ls.unforward.
type UnforwardArgs struct {
	Workspace string `json:"workspace,omitempty"`
	Branch    string `json:"branch"`
	Port      int    `json:"port,omitempty"` // default all
}

// of are the forwards of an instance, by its name.
func (fs *forwards) of(name string) (all []HostPort) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for key, f := range fs.all {
		if key.instance == name {
			all = append(all, f.result.HostPort)
		}
	}
	sortPorts(all)
	return all
}

func sortPorts(all []HostPort) {
	slices.SortFunc(all, func(a, b HostPort) int { return cmp.Compare(a.Port, b.Port) })
}

// close ends all, and returns when they have ended.
func (fs *forwards) close() {
	fs.mu.Lock()
	fs.closed = true
	for _, f := range fs.all {
		f.cancel(nil)
	}
	fs.mu.Unlock()
	fs.run.Wait()
}
