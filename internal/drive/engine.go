package drive

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Engine is a private container engine that may be stopped and killed, made by scripts/engine.
type Engine struct {
	dir    string
	script string
	env    []string
}

// Source is the folder of the module's source.
func Source() (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return strings.TrimSpace(string(root)), nil
}

// newEngine starts one. Its folder must not exist yet.
func newEngine(dir string, env ...string) (*Engine, error) {
	root, err := Source()
	if err != nil {
		return nil, err
	}
	e := &Engine{dir: dir, script: filepath.Join(root, "scripts", "engine"), env: env}
	return e, e.do("start")
}

// StartPowerful starts an engine whose containers reach the network and may be privileged. It holds no images.
func StartPowerful(dir string) (*Engine, error) { return newEngine(dir, "HJK_ENGINE_POWER=1") }

// StartEngine starts one with the tests' images.
func StartEngine(dir string) (*Engine, error) {
	// The machine has one packet filter, and another engine's rules are in it.
	e, err := newEngine(dir, "HJK_ENGINE_FLAGS=--iptables=false")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(filepath.Dir(e.script), "test-images"))
	cmd.Env = append(os.Environ(), "HJK_TEST_DOCKER_HOST="+e.Host())
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make the tests' images: %w: %s", err, out)
	}
	return e, nil
}

func (e *Engine) do(verb string) error {
	cmd := exec.Command(e.script, verb, e.dir)
	cmd.Env = append(os.Environ(), e.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("engine %s: %w: %s", verb, err, out)
	}
	return nil
}

// Gateway is the address at which the engine's containers reach this machine.
func (e *Engine) Gateway() (string, error) {
	name, err := os.ReadFile(filepath.Join(e.dir, "bridge"))
	if err != nil {
		return "", err
	}
	bridge, err := net.InterfaceByName(strings.TrimSpace(string(name)))
	if err != nil {
		return "", err
	}
	all, err := bridge.Addrs()
	if err != nil {
		return "", err
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil {
			return ip.IP.String(), nil
		}
	}
	return "", fmt.Errorf("the bridge %s has no address", bridge.Name)
}

// Host is the engine's address, as in DOCKER_HOST.
func (e *Engine) Host() string { return "unix://" + filepath.Join(e.dir, "docker.sock") }

// Stop ends the engine and deletes everything in it.
func (e *Engine) Stop() error { return e.do("stop") }

// Down ends the engine's processes in order, and its containers with them.
func (e *Engine) Down() error { return e.do("down") }

// Kill ends dockerd and containerd with SIGKILL; containers go on running.
func (e *Engine) Kill() error { return e.do("kill") }

// Crash ends every process of the engine and its containers with SIGKILL and forgets what lies in /run, as a machine does
// whose power fails.
func (e *Engine) Crash() error { return e.do("crash") }

// Up starts the engine again.
func (e *Engine) Up() error { return e.do("up") }
