package drive

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Engine is a private container engine that may be stopped and killed, made by scripts/engine.
type Engine struct {
	dir string
	env []string
}

// Source is the folder of the module's source.
func Source() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, serr := os.Stat(filepath.Join(dir, "go.mod")); serr == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find the module: no go.mod in this folder or above")
		}
		dir = filepath.Dir(dir)
	}
	return "", fmt.Errorf("find the module: %w", err)
}

// newEngine starts one. Its folder is empty, or does not exist yet.
func newEngine(dir string, flags ...string) (*Engine, error) {
	e := &Engine{dir: dir, env: flags}
	return e, e.do("start")
}

// EngineDir is a new folder for an engine, with a path that is short enough for its socket.
func EngineDir() (string, error) {
	if dir := brokered(); dir != "" {
		return filepath.Join(dir, "e", rand.Text()[:6]), nil
	}
	dir, err := os.MkdirTemp("/tmp", "hjk-e")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711) // an ordinary user reaches its socket
}

// StartPowerful starts an engine whose containers reach the network and may be privileged. It holds no images.
func StartPowerful(dir string) (*Engine, error) { return newEngine(dir, "HJK_ENGINE_POWER=1") }

// StartRemapped starts one that remaps users, and that warns of a port at which it is open to everybody.
func StartRemapped(dir string, port int) (*Engine, error) {
	return startEngine(dir, fmt.Sprintf("--host tcp://127.0.0.1:%d", port), "HJK_ENGINE_REMAP=1")
}

// StartBlind starts one that does not see what this host has in a folder.
func StartBlind(dir, hidden string) (*Engine, error) {
	return startEngine(dir, "", "HJK_ENGINE_BLIND="+hidden)
}

// StartEngine starts one with the tests' images.
func StartEngine(dir string) (*Engine, error) { return startEngine(dir, "") }

func startEngine(dir, flags string, env ...string) (*Engine, error) {
	// The machine has one packet filter, and another engine's rules are in it.
	e, err := newEngine(dir, append(env, "HJK_ENGINE_FLAGS=--iptables=false "+flags)...)
	if err != nil {
		return nil, err
	}
	if err := e.do("images"); err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	return e, nil
}

func (e *Engine) do(verb string) error {
	ask := Ask{Verb: verb, Dir: e.dir, Env: e.env}
	if dir := brokered(); dir != "" {
		return ask.send(dir)
	}
	return Engineer(ask)
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
