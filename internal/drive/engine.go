package drive

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Engine is a private container engine that may be stopped and killed, made by scripts/engine.
type Engine struct {
	dir    string
	script string
}

// StartEngine starts one with the tests' images. Its folder must not exist yet.
func StartEngine(dir string) (*Engine, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	e := &Engine{dir: dir, script: filepath.Join(strings.TrimSpace(string(root)), "scripts", "engine")}
	if err := e.do("start"); err != nil {
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
	cmd.Env = append(os.Environ(), "HJK_ENGINE_FLAGS=--iptables=false") // the machine has one table, and another engine's rules are in it
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("engine %s: %w: %s", verb, err, out)
	}
	return nil
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
