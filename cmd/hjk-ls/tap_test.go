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
	p := &tap{}
	p.host = between(t, engine, p.pass)
	return p
}

// between listens in an engine's place: pass is given each connection, with one to the engine, and both are closed after it. It
// gives its address.
func between(t *testing.T, engine string, pass func(client, engine net.Conn)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "engine.sock")
	l, err := net.Listen("unix", path)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				c, err := net.Dial("unix", strings.TrimPrefix(engine, "unix://"))
				if err != nil {
					return
				}
				defer c.Close()
				pass(client, c)
			}()
		}
	}()
	return "unix://" + path
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
func (p *tap) pass(client, c net.Conn) {
	answered := make(chan func(), 1)
	go func() {
		defer func() { _ = c.(*net.UnixConn).CloseWrite() }()
		relay(client, c, func(b []byte) {
			if !startRequest.Match(b) {
				return
			}
			p.mu.Lock()
			before, after := p.before, p.after
			p.before, p.after = nil, nil
			p.mu.Unlock()
			if before != nil {
				before()
				answered <- after
			}
		})
	}()
	relay(c, client, func([]byte) {
		select {
		case after := <-answered:
			after()
		default:
		}
	})
}

// relay passes on what comes from one side to the other, after a look at it.
func relay(from, to net.Conn, look func([]byte)) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		look(buf[:n])
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}
