package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// A port of an instance is published at the wanted port of the host, or else at the next one that is free. Which one that is, the
// state folder remembers, so that it stays the instance's while it can be: other instances leave it alone also while this one is
// stopped. Whether a port can really be had, only the engine knows: what it refuses leads to another try.

// keptPort is a port of the host that an instance has.
type keptPort struct {
	Port   int `json:"port"`   // of the container
	Wanted int `json:"wanted"` // by the settings
	Host   int `json:"host"`
}

func (p place) portsFile() string { return filepath.Join(p.dir(), "ports.json") }

// ports are those that the instance has, nothing where that is not known.
func (p place) ports() (all []keptPort) {
	b, err := os.ReadFile(p.portsFile())
	if err != nil || json.Unmarshal(b, &all) != nil {
		return nil
	}
	return all
}

// wantedPorts are the ports that a container is to be made with. On the host's own network they are the host's; without any there
// are none.
func wantedPorts(c workspace.Config) (ports []container.Port) {
	if c.Network == "none" {
		return nil
	}
	for _, p := range c.Ports {
		if c.Network == "host" {
			p.Host = p.Container
		}
		ports = append(ports, container.Port{Container: p.Container, Host: p.Host})
	}
	return ports
}

// unpublished tells of ports that are wanted and cannot be, with what can be done instead.
func unpublished(c workspace.Config, p place) []string {
	if c.Network != "none" || len(c.Ports) == 0 {
		return nil
	}
	return []string{"no port is published, as network is none; a port is reached by: " + hjk("forward", p.Now, fmt.Sprint(c.Ports[0].Container))}
}

// launch is a container that is made and started.
type launch struct {
	id       string
	state    *shim.State // of its first session
	warnings []string
}

// launch makes a container and starts it, each time with other ports while the engine refuses those of the host that were chosen.
// A container that did not start is left for the caller to take back.
func (m *Manager) launch(ctx context.Context, eng *engine, p place, c workspace.Config, spec container.Spec, first *shim.Start, fb Feedback) (l launch, err error) {
	helper, err := eng.shim(ctx)
	if err != nil {
		return l, err
	}
	files, err := m.expectHome(ctx, eng, p, c, spec.Home)
	if err != nil {
		return l, err
	}
	wanted, had, refused := spec.Ports, p.ports(), map[int]bool{}
	shared := spec.Network == "host"
	for try := 1; ; try++ {
		var moved []string
		if !shared {
			if spec.Ports, moved, err = m.choosePorts(ctx, p, had, wanted, refused); err != nil {
				return l, err
			}
		}
		if l.id, l.warnings, err = eng.Create(ctx, spec, helper); err != nil {
			return l, err
		}
		l.state, err = m.startHome(ctx, eng, p, spec, l.id, files, first)
		var taken *container.PortError
		if !errors.As(err, &taken) || try == maxPortTries {
			err = warned(err, l.warnings)
			l.warnings = append(append(l.warnings, moved...), unpublished(c, p)...)
			return l, err
		}
		fb.step(fmt.Sprintf("the engine cannot have port %s of this host; trying others", numbers(taken.Hosts)))
		for _, host := range taken.Hosts {
			refused[host] = true
		}
		if err := eng.Remove(ctx, l.id); err != nil {
			return l, err
		}
	}
}

// maxPortTries bounds the tries for ports: what is refused so often is refused for another reason.
const maxPortTries = 20

func numbers(ports []int) string {
	words := make([]string, 0, len(ports))
	for _, p := range ports {
		words = append(words, fmt.Sprint(p))
	}
	return strings.Join(words, ", ")
}

// choosePorts gives each wanted port one of the host's that is neither refused nor another instance's, and writes them down. One
// process does so at a time. had are those of the instance before the first try; moved tells of them what it has no more.
func (m *Manager) choosePorts(ctx context.Context, p place, had []keptPort, wanted []container.Port, refused map[int]bool) (chosen []container.Port, moved []string, err error) {
	if len(wanted) == 0 {
		err := os.Remove(p.portsFile())
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return nil, nil, err
	}
	l, err := lockExclusive(ctx, filepath.Join(m.opts.StateDir, "ports.lock"))
	if err != nil {
		return nil, nil, err
	}
	defer l.unlock()
	taken, err := m.portsOfOthers(p)
	if err != nil {
		return nil, nil, err
	}
	for host := range refused {
		taken[host] = true
	}
	var kept []keptPort
	for _, w := range wanted {
		host, was := chooseHost(had, w, taken)
		if host == 0 {
			return nil, nil, Errorf(CodeEngineFailed, "no port of this host is free for port %d; take ports out of ports: in the settings", w.Container)
		}
		if was != 0 && was != host {
			moved = append(moved, fmt.Sprintf("port %d is at port %d of this host now, as port %d is taken", w.Container, host, was))
		}
		taken[host] = true
		kept = append(kept, keptPort{Port: w.Container, Wanted: w.Host, Host: host})
		chosen = append(chosen, container.Port{Container: w.Container, Host: host})
	}
	return chosen, moved, writeState(p.portsFile(), kept)
}

// portsOfOthers are the ports of the host that other instances have.
func (m *Manager) portsOfOthers(p place) (map[int]bool, error) {
	taken := map[int]bool{}
	all, err := m.places()
	for _, other := range all {
		if other.name == p.name {
			continue
		}
		for _, k := range other.ports() {
			taken[k.Host] = true
		}
	}
	return taken, err
}

// chooseHost is the port of the host that an instance had for the same wish, which is not tried beforehand, as it may be its own
// container that has it; else the first that is free, 0 where none is. was is what it had.
func chooseHost(kept []keptPort, w container.Port, taken map[int]bool) (host, was int) {
	at := slices.IndexFunc(kept, func(k keptPort) bool { return k.Port == w.Container && k.Wanted == w.Host })
	if at >= 0 {
		was = kept[at].Host
		if !taken[was] {
			return was, was
		}
	}
	for host := range candidates(w.Host) {
		if !taken[host] && free(host) {
			return host, was
		}
	}
	return 0, was
}

// rootPorts are those below this one: on most systems only root may have them.
const rootPorts = 1024

// candidates are all ports from the wanted one on. What is next to one that needs root would need it, too: 8080 comes after 80.
func candidates(wanted int) iter.Seq[int] {
	next := wanted + 1
	if wanted < rootPorts {
		next = wanted + 8000
	}
	return func(yield func(int) bool) {
		if !yield(wanted) {
			return
		}
		for p := next; p <= 65535; p++ {
			if !yield(p) {
				return
			}
		}
		for p := rootPorts; p < next; p++ {
			if !yield(p) {
				return
			}
		}
	}
}

// free reports whether nobody listens on a port of this host's loopback. Of one that is not this user's to have, the engine knows.
func free(port int) bool {
	l, err := net.Listen("tcp4", net.JoinHostPort(localhost, fmt.Sprint(port)))
	if err != nil {
		return !errors.Is(err, syscall.EADDRINUSE)
	}
	_ = l.Close()
	return true
}

// localhost is where ports of instances are: for programs of this machine alone.
const localhost = "127.0.0.1"
