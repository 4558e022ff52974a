package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// isPodman reports whether the engine is Podman, whose Docker API is not in all Docker's.
func (e *Engine) isPodman() bool { return e.info.Name == "podman" }

// podmanNotRunning are Podman's words for what Docker says is not running. They come with other statuses than Docker's.
var podmanNotRunning = []string{
	"can only create exec sessions on running containers", "container state improper", "unable to upgrade to tcp, received 409",
}

// state is a container's state in Docker's words.
func state(s string) string {
	switch s {
	case "stopped": // ended, and not yet cleaned up
		return container.StateExited
	case "stopping":
		return container.StateRunning
	case "configured", "initialized":
		return container.StateCreated
	}
	return s
}

// systemInfo is of an engine's information what we use.
type systemInfo struct {
	SecurityOptions, Warnings []string
	Rootless                  bool // Podman's word, which Docker's client does not know
}

// systemInfo asks for it. Podman, which starts other programs to answer, takes long: it is asked once, for its own words too. An engine that
// is not of this machine is asked by Docker's client, which knows proxies and certificates.
func (e *Engine) systemInfo(ctx context.Context) (sys systemInfo, err error) {
	if !strings.HasPrefix(e.api.DaemonHost(), "unix://") {
		all, err := e.api.Info(ctx)
		sys.SecurityOptions, sys.Warnings = all.SecurityOptions, all.Warnings
		return sys, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+client.DummyHost+"/v"+e.api.ClientVersion()+"/info", nil)
	if err != nil {
		return sys, err
	}
	res, err := e.api.HTTPClient().Do(req)
	if err != nil {
		return sys, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, maxMessage))
		return sys, fmt.Errorf("the engine says %s: %s", res.Status, printable(string(text), maxMessage))
	}
	return sys, json.NewDecoder(res.Body).Decode(&sys)
}

// bindable is host as the engine takes it. Podman writes mounts as words between commas and reads them again, so that a quote or a comma in a
// path is another thing there; the older form, between colons, has them as they are.
func (e *Engine) bindable(host *container.HostConfig) (*container.HostConfig, error) {
	if !e.isPodman() {
		return host, nil
	}
	is := *host
	is.Mounts, is.Binds = nil, slices.Clone(host.Binds)
	for _, m := range host.Mounts {
		paths := m.Source + m.Target
		switch {
		case !strings.ContainsAny(paths, "\",\r\n"):
			is.Mounts = append(is.Mounts, m)
		case strings.Contains(paths, ":"):
			return nil, fmt.Errorf("podman cannot mount %q, as it has a colon beside a quote, a comma or a line's end; rename or move it", m.Source)
		default:
			bind := m.Source + ":" + m.Target
			if m.ReadOnly {
				bind += ":ro"
			}
			is.Binds = append(is.Binds, bind)
		}
	}
	return &is, nil
}

// dropped are the limits that a Podman does not keep, as a rootless one on control groups v1: it tells that to its log alone.
func (e *Engine) dropped(asked *container.HostConfig, res container.InspectResponse) []string {
	is := res.HostConfig
	if !e.isPodman() || is == nil {
		return nil
	}
	var all []string
	if asked.Memory > 0 && is.Memory == 0 {
		all = append(all, "memory")
	}
	if asked.NanoCPUs > 0 && is.NanoCPUs == 0 && is.CPUQuota == 0 {
		all = append(all, "CPUs")
	}
	if asked.PidsLimit != nil && *asked.PidsLimit > 0 && (is.PidsLimit == nil || *is.PidsLimit == 0) {
		all = append(all, "processes")
	}
	if len(all) == 0 {
		return nil
	}
	return []string{"the engine does not keep the limit of " + strings.Join(all, ", ") + ": a rootless Podman needs control groups v2 for that"}
}

var errNoPodman = errors.New("no podman on PATH")

// startPodman runs podman's API service as a child for as long as the Engine is open: Podman has no daemon.
func startPodman(ctx context.Context, o ConnectOptions) (*Engine, error) {
	bin, err := exec.LookPath("podman")
	if err != nil {
		return nil, errNoPodman
	}
	dir, err := os.MkdirTemp("", "hjk-podman-")
	if err != nil {
		return nil, err
	}
	sock := filepath.Join(dir, "podman.sock")
	cmd := exec.Command(bin, "system", "service", "--time=0", "unix://"+sock) // #nosec G204 -- not ctx: it outlives the search
	system.OwnGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop := func() error {
		_ = system.EndGroup(cmd)
		_ = cmd.Wait()
		return os.RemoveAll(dir)
	}
	for {
		e, err := probe(ctx, candidate{host: "unix://" + sock, source: "podman system service"}, answerTime, func() {})
		if err == nil {
			e.stop, e.log = stop, o.Log
			return e, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, stop())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
