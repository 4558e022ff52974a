package container

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

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
