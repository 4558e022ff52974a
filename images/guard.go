package images

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Guard bounds a build that nobody asked for: an agent may have written all that it reads. It has no secret and no ssh agent
// ever, and of the user's registry logins and of what is fetched by address only what the user has agreed to.
type Guard struct {
	// Network is whether the instance's container has the engine's own network. Without it RUN has none, and all images have to
	// be in the engine.
	Network bool
	Memory  int64 // bytes; 0 is no limit
	CPUs    float64
	// Agreed is that the user has asked for a build of this very text before.
	Agreed bool

	withheld []string // ids of the secrets and ssh agents that the settings have
}

// Agreement names what a user agrees to by asking for a build: a Dockerfile's text, and the options that change its meaning.
func Agreement(text []byte, o BuildOptions) string { return sumOf(text, "agreement", o) }

// guarded is o with the Guard of a text, if it has one.
func (o BuildOptions) guarded(text []byte) (BuildOptions, *Guard) {
	if o.Guard == nil {
		return o, nil
	}
	g := o.Guard(text)
	if g == nil {
		return o, nil
	}
	for _, s := range o.Secrets {
		g.withheld = append(g.withheld, s.ID)
	}
	for _, spec := range o.SSH {
		id, _, _ := strings.Cut(spec, "=")
		g.withheld = append(g.withheld, "ssh "+id)
	}
	o.Secrets, o.SSH = nil, nil
	o.Given = maps.Clone(o.Given)
	maps.DeleteFunc(o.Given, func(id string, _ []byte) bool { return slices.Contains(g.withheld, id) })
	return o, g
}

// cpuPeriod is the engine's, in microseconds.
const cpuPeriod = 100_000

// local reports whether images have to be in the engine. A pull is a source by address like any other: the engine asks the host's own
// loopback for it, goes where a registry sends it, and has logins that are not ours to withhold.
func (g *Guard) local() bool { return g != nil && (!g.Network || !g.Agreed) }

// limit adds a Guard's bounds to the frontend's options. An engine whose BuildKit knows no limit of memory and CPUs leaves them
// out, and none has one of processes.
func (g *Guard) limit(attrs map[string]string) {
	if g == nil {
		return
	}
	if !g.Network {
		attrs["force-network-mode"] = "none"
	}
	if g.local() {
		attrs["image-resolve-mode"] = "local"
	}
	if g.Memory > 0 {
		attrs["memory"] = strconv.FormatInt(g.Memory, 10)
	}
	if g.CPUs > 0 {
		attrs["cpuperiod"] = strconv.Itoa(cpuPeriod)
		attrs["cpuquota"] = strconv.FormatInt(int64(g.CPUs*cpuPeriod), 10)
	}
}
