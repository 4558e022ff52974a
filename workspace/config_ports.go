package workspace

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Port is a port of a container that is published, and the one of the host's that is wanted for it.
type Port struct{ Container, Host int }

// String is the port as the settings have it: its number, or HOST:CONTAINER where they differ.
func (p Port) String() string {
	if p.Container == p.Host {
		return strconv.Itoa(p.Container)
	}
	return fmt.Sprintf("%d:%d", p.Host, p.Container)
}

// MarshalYAML writes the port as the settings have it.
func (p Port) MarshalYAML() (any, error) {
	if p.Container == p.Host {
		return p.Container, nil
	}
	return p.String(), nil
}

// MarshalJSON writes the port as the settings have it.
func (p Port) MarshalJSON() ([]byte, error) {
	if p.Container == p.Host {
		return []byte(p.String()), nil
	}
	return []byte(strconv.Quote(p.String())), nil
}

// ports takes numbers, and HOST:CONTAINER.
func ports(n *yaml.Node) ([]Port, error) {
	list, err := stringList(n)
	if err != nil {
		return nil, errors.New("want a list of port numbers, or HOST:CONTAINER")
	}
	out := make([]Port, 0, len(list))
	seen := map[int]bool{}
	for _, s := range list {
		host, inside, both := strings.Cut(s, ":")
		if !both {
			inside = host
		}
		p := Port{}
		if p.Host, err = port(host); err != nil {
			return nil, err
		}
		if p.Container, err = port(inside); err != nil {
			return nil, err
		}
		if seen[p.Container] {
			return nil, fmt.Errorf("port %d of the container is there twice", p.Container)
		}
		seen[p.Container] = true
		out = append(out, p)
	}
	return out, nil
}

func port(s string) (int, error) {
	p, err := strconv.Atoi(s)
	if err != nil || p < 1 || p > 65535 || strconv.Itoa(p) != s {
		return 0, fmt.Errorf("%q is not a port number, 1 to 65535", s)
	}
	return p, nil
}
