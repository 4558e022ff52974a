package embed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
)

// compiled keeps what Compile made, by architecture.
var compiled sync.Map

// Compile makes the helper for linux on arch with the Go of this machine, from the same version of the module that this
// program is. `go install` of hjk-ls brings no helper: a module holds sources only. It takes seconds, once a process.
func Compile(ctx context.Context, arch string) ([]byte, error) {
	if b, ok := compiled.Load(arch); ok {
		return b.([]byte), nil
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" || strings.Contains(info.Main.Version, "+dirty") {
		return nil, ErrNotBuilt
	}
	b, err := compile(ctx, goArch(arch), info.Main.Path+"/cmd/hjk-shim@"+info.Main.Version)
	if err != nil {
		return nil, err
	}
	compiled.Store(arch, b)
	return b, nil
}

func compile(ctx context.Context, arch, pkg string) ([]byte, error) {
	env, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("%w, and there is no go to make it with: %w", ErrNotBuilt, err)
	}
	dir, err := os.MkdirTemp("", "hjk-shim-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "-ldflags", "-s -w", pkg)
	cmd.Dir = dir // outside every module
	// go has no GOBIN for other platforms than its own: a GOPATH of its own is where it puts the program.
	cmd.Env = append(os.Environ(), "GOPATH="+dir, "GOBIN=", "GOMODCACHE="+strings.TrimSpace(string(env)),
		"CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w, and go did not make it: %w: %s", ErrNotBuilt, err, strings.TrimSpace(string(out)))
	}
	for _, place := range []string{"bin/hjk-shim", "bin/linux_" + arch + "/hjk-shim"} {
		b, err := os.ReadFile(filepath.Join(dir, place))
		if !errors.Is(err, os.ErrNotExist) {
			return b, err
		}
	}
	return nil, fmt.Errorf("%w, and go put it nowhere", ErrNotBuilt)
}
