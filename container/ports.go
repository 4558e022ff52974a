package container

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-connections/nat"
)

// loopback is where ports are published: for the user of this host alone.
const loopback = "127.0.0.1"

// hostNetwork is the engine's word for the host's own network.
const hostNetwork = "host"

// PortEnv begins the names of the variables that tell, in a container, which port of the host stands for one of its own.
const PortEnv = "HJK_PORT_"

// publish binds ports on the host's loopback only.
func publish(ports []Port) (nat.PortSet, nat.PortMap) {
	set, bindings := nat.PortSet{}, nat.PortMap{}
	for _, p := range ports {
		port := nat.Port(strconv.Itoa(p.Container) + "/tcp")
		set[port] = struct{}{}
		bindings[port] = []nat.PortBinding{{HostIP: loopback, HostPort: strconv.Itoa(p.Host)}}
	}
	return set, bindings
}

// portEnv tells programs inside which port of the host's is theirs.
func portEnv(ports []Port) (env []string) {
	for _, p := range ports {
		env = append(env, fmt.Sprintf("%s%d=%d", PortEnv, p.Container, p.Host))
	}
	return env
}

// portWords are ports in a label.
func portWords(ports []Port) string {
	words := make([]string, 0, len(ports))
	for _, p := range ports {
		words = append(words, fmt.Sprintf("%d:%d", p.Host, p.Container))
	}
	return strings.Join(words, " ")
}

// Ports are those that the container publishes, in the order of the settings it was made with.
func (c Container) Ports() (all []Port) {
	for _, word := range strings.Fields(c.Labels[LabelPorts]) {
		var p Port
		if _, err := fmt.Sscanf(word, "%d:%d", &p.Host, &p.Container); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// PortError means that an engine could not have a port of the host's: another has it, or it is for root alone.
type PortError struct {
	Hosts []int // which it may be
	Err   error
}

func (e *PortError) Error() string { return e.Err.Error() }
func (e *PortError) Unwrap() error { return e.Err }

var (
	// refusedPort is in the words of engines: Docker's proxy and its table, rootless ones, Podman.
	refusedPort = regexp.MustCompile(`(?i)port is already allocated|address already in use|ports are not available|privileged port|bind: permission denied|failed to bind host port`)
	// boundPort is the port in these words.
	boundPort = regexp.MustCompile(`127\.0\.0\.1:(\d+)|privileged port (\d+)`)
)

// portError gives err its class where an engine refused one of the ports that a container publishes. What it says otherwise may not
// name the port: then it may be any of them.
func portError(err error, ports []Port) error {
	if err == nil || len(ports) == 0 || !refusedPort.MatchString(err.Error()) {
		return err
	}
	var hosts []int
	for _, p := range ports {
		hosts = append(hosts, p.Host)
	}
	for _, m := range boundPort.FindAllStringSubmatch(err.Error(), -1) {
		if n, _ := strconv.Atoi(m[1] + m[2]); slices.Contains(hosts, n) {
			return &PortError{Hosts: []int{n}, Err: err}
		}
	}
	return &PortError{Hosts: hosts, Err: err}
}
