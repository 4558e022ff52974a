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
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

func (e *Engine) isPodman() bool { return e.info.Name == "podman" }

// podmanRootless asks whether Podman is an ordinary user's. Docker says so among the security options; Podman has a field of its own, which
// the client library does not know.
func (e *Engine) podmanRootless(ctx context.Context) bool {
	proto, addr, _ := strings.Cut(e.api.DaemonHost(), "://")
	if proto != "tcp" {
		addr = "localhost" // the client's transport knows the way
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/v"+minAPI+"/info", http.NoBody)
	if err != nil {
		return false
	}
	res, err := e.api.HTTPClient().Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	var info struct{ Rootless bool }
	return json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&info) == nil && info.Rootless
}

// spoken says what a container is to be in the words that Podman understands. It writes mounts as words with commas between and reads them again,
// so that a path with a comma or a quote has to be a bind, whose words have colons between. Its logs are the journal's or its own.
func spoken(host *container.HostConfig) error {
	host.LogConfig = container.LogConfig{}
	kept := host.Mounts[:0:0]
	for _, m := range host.Mounts {
		if m.Type != mount.TypeBind || !strings.ContainsAny(m.Source+m.Target, `,"`) {
			kept = append(kept, m)
			continue
		}
		if strings.Contains(m.Source+m.Target, ":") {
			return fmt.Errorf("podman cannot mount %q: its name has a colon and a comma or a quote; move it to a folder without one of them, or use Docker", m.Source)
		}
		bind := m.Source + ":" + m.Target
		if m.ReadOnly {
			bind += ":ro"
		}
		host.Binds = append(host.Binds, bind)
	}
	host.Mounts = kept
	return nil
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
