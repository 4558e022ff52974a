package agents

import (
	"fmt"
	"net"
	"slices"

	"github.com/gilmanlab/hjk-ls/container"
)

// HostPort is a port of an instance that the host's loopback has, too.
type HostPort struct {
	Port int    `json:"port"` // inside
	Host int    `json:"host"` // on 127.0.0.1 of the host
	URL  string `json:"url"`
}

func hostPort(port, host int) HostPort {
	return HostPort{Port: port, Host: host, URL: fmt.Sprintf("http://%s/", net.JoinHostPort(localhost, fmt.Sprint(host)))}
}

// published are the ports that a container was made with.
func published(c container.Container) (all []HostPort) {
	for _, p := range c.Ports() {
		all = append(all, hostPort(p.Container, p.Host))
	}
	return all
}

// ListenPort is a port that something in an instance listens on, and that is not reached by a published one.
type ListenPort struct {
	Port     int  `json:"port"`
	Loopback bool `json:"loopback,omitempty"` // on the container's loopback alone, where a published port does not lead
}

// listening are the ports that only a forward reaches.
func listening(runDir string, ports []HostPort) (all []ListenPort) {
	for _, l := range container.Listening(runDir) {
		out := slices.ContainsFunc(ports, func(p HostPort) bool { return p.Port == l.Port })
		if !out || l.Loopback {
			all = append(all, ListenPort(l))
		}
	}
	return all
}
