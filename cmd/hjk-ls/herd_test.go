package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// counted stands between servers and the engine and counts what they ask.
type counted struct {
	host string // as in DOCKER_HOST

	mu  sync.Mutex
	all []string
}

var requestLine = regexp.MustCompile(`(?m)^(GET|POST|HEAD|PUT|DELETE) (\S+) HTTP/1\.1\r$`)

func count(t *testing.T, engine string) *counted {
	t.Helper()
	p := &counted{}
	p.host = between(t, engine, p.pass)
	return p
}

func (p *counted) pass(client, c net.Conn) {
	go func() {
		defer func() { _ = c.(*net.UnixConn).CloseWrite() }()
		relay(client, c, func(b []byte) {
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, m := range requestLine.FindAllSubmatch(b, -1) {
				p.all = append(p.all, string(m[1])+" "+string(m[2]))
			}
		})
	}()
	relay(c, client, func([]byte) {})
}

// take gives what was asked since it was called last.
func (p *counted) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.all
	p.all = nil
	return all
}

// TestManyServersCostLittle has servers of two repositories on some instances. While nothing happens they ask the engine
// nothing, and one looks at the instances' files for all of them; when something happens to one container, each asks for that
// one; and when the one that looks is killed, another does.
func TestManyServersCostLittle(t *testing.T) {
	t.Parallel()
	const servers, instances = 5, 3
	r := newRig(t)
	engine := count(t, r.Host)
	r.Host = engine.host
	other, err := r.Repo("other", map[string]string{"Dockerfile": "FROM hjk-test/busybox:1\n"})
	must(t, err)
	for i := range instances {
		r.hjk("run", fmt.Sprintf("b%d", i), "--detach", "--agent", "shell", "--image", "hjk-test/busybox:1")
	}
	var editors []*editor
	for range servers {
		editors = append(editors, r.edit(drive.Editor{}))
	}
	elsewhere := r.edit(drive.Editor{Folders: []string{other}})
	elsewhere.await("hjk/instances", "")
	b1, err := r.Instance(r.repo, "b1")
	must(t, err)
	// A container of another repository ends in the same moment.
	another := r.docker("run", "-d", "--rm", "--label", "io.headjack.repo=/elsewhere", "hjk-test/busybox:1", "sleep", "1000")
	engine.calm()
	engine.take()

	const span = 3 * time.Second
	opens := openings(t, filepath.Join(r.Dir, "state/headjack/instances", b1.Container.Name, "run/sessions"))
	time.Sleep(span) // it is this while that is counted
	if asked := engine.take(); len(asked) > 0 {
		t.Errorf("while nothing happened the engine was asked %q", asked)
	}
	// Each look is some openings: of one server there are ten looks or so in this time, of all there would be sixty.
	n := opens()
	t.Logf("%d openings in %v", n, span)
	if n == 0 || n > 30*openingsOfALook {
		t.Errorf("while nothing happened an instance's sessions were looked at %d times in %v", n, span)
	}

	r.docker("kill", another, b1.Container.ID)
	for _, e := range editors {
		e.becomes("b1", func(i agents.Instance) bool { return i.State == agents.StateStopped })
	}
	engine.calm()
	lists := 0
	for _, a := range engine.take() {
		if strings.Contains(a, "/containers/json") {
			lists++
		}
		if strings.Contains(a, "/images/json") || strings.Contains(a, "/containers/json") && !strings.Contains(a, b1.Container.ID) {
			t.Errorf("after one container ended the engine was asked for all: %s", a)
		}
	}
	if lists < servers || lists > 6*servers {
		t.Errorf("%d servers asked %d times after one container ended", servers, lists)
	}
	// The control: what asks for all is seen.
	must(t, editors[0].Command("hjk-ls.list", map[string]any{}, nil))
	if asked := strings.Join(engine.take(), "\n"); !strings.Contains(asked, "/images/json") || strings.Contains(asked, b1.Container.ID) {
		t.Errorf("a list asked %q: the count counts nothing", asked)
	}

	sessions := 1
	for len(editors) > 1 { // whoever looked for all is killed
		editors[0].Kill()
		editors = editors[1:]
		r.hjk("run", "b2", "--detach", "--agent", "shell")
		sessions++
		for _, e := range editors {
			e.becomes("b2", func(i agents.Instance) bool { return len(i.Sessions) == sessions && i.Sessions[sessions-1].Waiting })
		}
	}
}

// becomes waits until the newest that an editor was told of a branch is as wanted.
func (e *editor) becomes(branch string, wanted func(agents.Instance) bool) {
	e.Helper()
	last := "nothing"
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		all := e.all()
		for i := len(all) - 1; i >= 0; i-- {
			if all[i].method != "hjk/instances" {
				continue
			}
			last = string(all[i].params)
			var snap agents.Snapshot
			must(e.T, json.Unmarshal(all[i].params, &snap))
			if slices.ContainsFunc(snap.Instances, func(i agents.Instance) bool { return i.Branch == branch && wanted(i) }) {
				return
			}
			break
		}
	}
	e.Fatalf("%s never became so; the last that was told: %s", branch, last)
}

// calm waits until nothing was asked for a while.
func (p *counted) calm() {
	for n := -1; ; time.Sleep(time.Second) {
		p.mu.Lock()
		now := len(p.all)
		p.mu.Unlock()
		if now == n {
			return
		}
		n = now
	}
}

// openingsOfALook is how often who looks at a folder once opens it.
const openingsOfALook = 2

// openings counts how often a folder is opened.
func openings(t *testing.T, dir string) func() int {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_OPEN)
	must(t, err)
	return func() (n int) {
		buf := make([]byte, 64<<10)
		for {
			m, err := unix.Read(fd, buf)
			if err != nil || m == 0 {
				return n
			}
			for at := 0; at+unix.SizeofInotifyEvent <= m; n++ {
				at += unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(buf[at+12:]))
			}
		}
	}
}
