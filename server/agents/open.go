package agents

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// OpenArgs is the argument object of hjk-ls.open.
type OpenArgs struct {
	Workspace string `json:"workspace,omitempty"`
	Branch    string `json:"branch"`
	Port      int    `json:"port,omitempty"` // inside; default one that is published and listened on, or else listened on
}

// Openable is a port that can be opened in a browser: published, or to be forwarded first.
type Openable struct {
	Port      int
	Published *HostPort // nil where only a forward reaches it
}

// Openable finds the port to open. The agent decides what listens: of that, only the number is taken.
func (m *Manager) Openable(ctx context.Context, a OpenArgs) (Openable, error) {
	if a.Port != 0 {
		if err := checkPort(a.Port, "port"); err != nil {
			return Openable{}, err
		}
	}
	inst, _, err := m.findInstance(ctx, SessionArgs{Workspace: a.Workspace, Branch: a.Branch})
	if err != nil {
		return Openable{}, err
	}
	if inst.State != StateRunning {
		return Openable{}, Errorf(CodeInstanceStopped, "branch %q is %s; start it with: %s", inst.Branch, inst.State, hjk("run", inst.Branch))
	}
	inside := func(port int) bool {
		return slices.ContainsFunc(inst.Listening, func(l ListenPort) bool { return l.Port == port })
	}
	for _, p := range inst.Ports {
		if (a.Port == 0 || a.Port == p.Port) && !inside(p.Port) {
			return Openable{Port: p.Port, Published: &p}, nil
		}
	}
	for _, l := range inst.Listening {
		if a.Port == 0 || a.Port == l.Port {
			return Openable{Port: l.Port}, nil
		}
	}
	if a.Port == 0 {
		return Openable{}, Errorf(CodePortNotFound, "branch %q publishes no port, and nothing listens in it; start a server there, or name ports: in the settings", inst.Branch)
	}
	return Openable{}, Errorf(CodePortNotFound, "branch %q does not publish port %d, and nothing listens on it; %s. To lead to it all the same: %s",
		inst.Branch, a.Port, portsSaid(inst), hjk("forward", inst.Branch, fmt.Sprint(a.Port)))
}

// portsSaid says which ports there are.
func portsSaid(i Instance) string {
	var words []string
	for _, p := range i.Ports {
		words = append(words, fmt.Sprint(p.Port))
	}
	for _, l := range i.Listening {
		words = append(words, fmt.Sprint(l.Port))
	}
	if len(words) == 0 {
		return "it has no ports"
	}
	return "it has " + strings.Join(words, ", ")
}

// Open finds where a port is on the host, and forwards it as KeepForward does where it is not published.
func (m *Manager) Open(ctx context.Context, a OpenArgs) (ForwardResult, error) {
	o, err := m.Openable(ctx, a)
	if err != nil {
		return ForwardResult{}, err
	}
	if o.Published != nil {
		return ForwardResult{Branch: a.Branch, HostPort: *o.Published}, nil
	}
	return m.KeepForward(ctx, ForwardArgs{Workspace: a.Workspace, Branch: a.Branch, Port: o.Port})
}
