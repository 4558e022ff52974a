package container

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/docker/docker/client"
	"go.uber.org/zap"
)

// Env is what of the host's environment decides which engine is used.
type Env struct {
	Getenv func(string) string
	Home   string
	UID    int
}

// HostEnv is this process's own.
func HostEnv() Env {
	home, _ := os.UserHomeDir()
	return Env{Getenv: os.Getenv, Home: home, UID: os.Getuid()}
}

// ConnectOptions say where to look for an engine.
type ConnectOptions struct {
	Env      Env
	Override string        // a host as in DOCKER_HOST; then nothing else is tried
	Passive  bool          // start nothing, such as podman's service
	Timeout  time.Duration // for a first answer; default 10 s
	Log      *zap.Logger
}

// Attempt is one place where an engine was looked for.
type Attempt struct {
	Host   string
	Source string
	Err    error
}

// UnreachableError means that no engine answered.
type UnreachableError struct{ Tried []Attempt }

func (e *UnreachableError) Error() string {
	var b strings.Builder
	b.WriteString("no container engine answers; tried ")
	for i, a := range e.Tried {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s (%s): %s", a.Host, a.Source, brief(a.Err))
	}
	b.WriteString(". " + e.advice())
	return b.String()
}

func (e *UnreachableError) advice() string {
	for _, a := range e.Tried {
		if errors.Is(a.Err, os.ErrPermission) || strings.Contains(a.Err.Error(), "permission denied") {
			return "Give your user access to the engine's socket (sudo usermod -aG docker $USER, then log in again)"
		}
	}
	if runtime.GOOS == "darwin" {
		return "Start Docker Desktop, OrbStack, or `colima start`, or set DOCKER_HOST"
	}
	return "Start one (sudo systemctl start docker), install Docker or Podman, or set DOCKER_HOST"
}

// brief is the innermost useful text: the client wraps a dial error in much advice of its own.
func brief(err error) string {
	var op *net.OpError
	switch {
	case client.IsErrConnectionFailed(err):
		return "nothing answers there"
	case errors.As(err, &op):
		return op.Err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, os.ErrNotExist):
		return "no such socket"
	}
	return err.Error()
}

// candidate is a place an engine may answer at.
type candidate struct {
	host, source string
	options      []client.Opt
	err          error // it cannot even be tried
}

// candidates lists where to look, best first. An explicit choice stands alone: falling back from it to another engine
// would run containers where nobody looks for them.
func candidates(o ConnectOptions) []candidate {
	switch {
	case o.Override != "":
		return []candidate{fromHost(o.Override, "--host", o.Env)}
	case o.Env.Getenv("DOCKER_HOST") != "":
		return []candidate{fromHost(o.Env.Getenv("DOCKER_HOST"), "DOCKER_HOST", o.Env)}
	}
	if c, ok := fromContext(o.Env); ok {
		return []candidate{c}
	}
	var all []candidate
	for _, s := range wellKnown(o.Env) {
		if _, err := os.Stat(s); err == nil || s == defaultSocket {
			all = append(all, candidate{host: "unix://" + s, source: "well-known socket"})
		}
	}
	return all
}

const defaultSocket = "/var/run/docker.sock"

// wellKnown lists the sockets of engines people install, in the order Docker's own tools would take them.
func wellKnown(e Env) []string {
	home := func(p string) string { return filepath.Join(e.Home, p) }
	run := e.Getenv("XDG_RUNTIME_DIR")
	if run == "" {
		run = fmt.Sprintf("/run/user/%d", e.UID)
	}
	list := []string{
		defaultSocket,
		filepath.Join(run, "docker.sock"), // rootless Docker
		home(".docker/run/docker.sock"),   // Docker Desktop on macOS
		home(".docker/desktop/docker.sock"),
		home(".orbstack/run/docker.sock"),
		home(".colima/default/docker.sock"),
		home(".config/colima/default/docker.sock"),
		home(".rd/docker.sock"), // Rancher Desktop
		filepath.Join(run, "podman/podman.sock"),
		home(".local/share/containers/podman/machine/podman.sock"),
	}
	if e.UID == 0 {
		list = append(list, "/run/podman/podman.sock")
	}
	return list
}

// fromHost makes a candidate of a host string. TLS follows DOCKER_TLS_VERIFY and DOCKER_CERT_PATH as for docker.
func fromHost(host, source string, e Env) candidate {
	c := candidate{host: host, source: source}
	u, err := url.Parse(host)
	if err != nil || u.Scheme == "" {
		c.err = fmt.Errorf("%q is no engine address; write unix:///path, tcp://host:port or ssh://user@host", host)
		return c
	}
	if u.Scheme == "ssh" {
		c.options, c.err = sshOptions(host)
		return c
	}
	certs := e.Getenv("DOCKER_CERT_PATH")
	if u.Scheme == "tcp" && e.Getenv("DOCKER_TLS_VERIFY") != "" {
		if certs == "" {
			certs = filepath.Join(e.Home, ".docker")
		}
		c.options = append(c.options, client.WithTLSClientConfig(
			filepath.Join(certs, "ca.pem"), filepath.Join(certs, "cert.pem"), filepath.Join(certs, "key.pem")))
	}
	return c
}
