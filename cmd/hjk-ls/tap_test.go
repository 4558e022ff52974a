package main

import (
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// tap stands between hjk-ls and the engine and does something around the start of the next container: what an attacker would
// have to do at the right moment.
type tap struct {
	host string // as in DOCKER_HOST

	mu            sync.Mutex
	before, after func()
}

var startRequest = regexp.MustCompile(`^POST /v[0-9.]+/containers/[0-9a-f]+/start[ ?]`)

func newTap(t *testing.T, engine string) *tap {
	t.Helper()
	path := filepath.Join(t.TempDir(), "engine.sock")
	l, err := net.Listen("unix", path)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	p := &tap{host: "unix://" + path}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.pass(c, strings.TrimPrefix(engine, "unix://"))
		}
	}()
	return p
}

// once arms the tap for one start.
func (p *tap) once(before, after func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before, p.after = before, after
}

func (p *tap) armed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.before != nil
}

// pass passes everything on, and what the engine answers back.
func (p *tap) pass(client net.Conn, engine string) {
	defer client.Close()
	c, err := net.Dial("unix", engine)
	if err != nil {
		return
	}
	defer c.Close()
	answered := make(chan func(), 1)
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := client.Read(buf)
			if startRequest.Match(buf[:n]) {
				p.mu.Lock()
				before, after := p.before, p.after
				p.before, p.after = nil, nil
				p.mu.Unlock()
				if before != nil {
					before()
					answered <- after
				}
			}
			if _, werr := c.Write(buf[:n]); err != nil || werr != nil {
				_ = c.(*net.UnixConn).CloseWrite()
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		select {
		case after := <-answered:
			after()
		default:
		}
		if _, werr := client.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}
