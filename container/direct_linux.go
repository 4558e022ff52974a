package container

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// direct is a socket that host and helper share, over which the helper hands out connected ones.
type direct struct {
	s    *execStream // the helper
	c    *net.UnixConn
	done chan struct{} // closed when the helper has left

	mu      sync.Mutex // guards what follows
	last    uint32
	pending map[uint32]chan net.Conn // who waits; a nil is that nobody listens
}

// openDirect has the helper connect to a socket in the run folder, which is named there only until then. nil without an error is an
// engine that is not of this machine.
func (e *Engine) openDirect(ctx context.Context, id, user, runDir string) (*direct, error) {
	if !strings.HasPrefix(e.info.Host, "unix://") {
		return nil, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, linkTime, errLinkTime)
	defer cancel()
	root, err := os.OpenRoot(runDir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	name, token := "forward-"+rand.Text()+".sock", rand.Text()
	// A socket's path has at most 107 bytes. The kernel makes none in the place of a link.
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), name), Net: "unixpacket"})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	s, err := e.forward(ctx, id, user, shim.Forward{Socket: name, Token: token})
	if err != nil {
		return nil, err
	}
	c, err := acceptToken(l, token)
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	d := &direct{s: s, c: c, done: make(chan struct{}), pending: map[uint32]chan net.Conn{}}
	go d.receive()
	go func() { // the helper has nothing more to say: when that ends, it has
		_, _ = io.Copy(io.Discard, s)
		_ = c.Close()
	}()
	return d, nil
}

// acceptToken takes the connection that has the token: others of the container may connect, too.
func acceptToken(l *net.UnixListener, token string) (*net.UnixConn, error) {
	end := time.Now().Add(linkTime)
	_ = l.SetDeadline(end)
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		b := make([]byte, len(token)+1)
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		if n, err := c.Read(b); err == nil && string(b[:n]) == token {
			_ = c.SetReadDeadline(time.Time{})
			return c, nil
		}
		_ = c.Close()
	}
}

func (d *direct) close() {
	_ = d.c.Close()
	_ = d.s.Close()
	<-d.done
}

// dial asks for a connection to a port.
func (d *direct) dial(ctx context.Context, port int) (Stream, error) {
	got := make(chan net.Conn, 1)
	d.mu.Lock()
	d.last++
	id := d.last
	d.pending[id] = got
	d.mu.Unlock()
	defer d.forget(id, got)
	ask := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(nil, id), uint16(port))
	if _, err := d.c.Write(ask); err != nil {
		return nil, err
	}
	select {
	case c := <-got:
		if c == nil {
			return nil, &SessionError{Code: shim.CodeUnreached, Message: fmt.Sprintf("nothing listens on port %d", port)}
		}
		return c.(*net.TCPConn), nil
	case <-d.done:
		return nil, errors.New("the helper in the container has ended")
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// forget takes back a wait, and closes what came too late.
func (d *direct) forget(id uint32, got chan net.Conn) {
	d.mu.Lock()
	delete(d.pending, id)
	d.mu.Unlock()
	select {
	case c := <-got:
		if c != nil {
			_ = c.Close()
		}
	default:
	}
}

// receive hands connections to who waits for them, until the helper or the host leaves.
func (d *direct) receive() {
	defer close(d.done)
	b, rights := make([]byte, shim.ForwardAnswer+1), make([]byte, unix.CmsgSpace(4))
	for {
		n, oobn, _, _, err := d.c.ReadMsgUnix(b, rights)
		if err != nil || n == 0 {
			return
		}
		c := connected(rights[:oobn])
		if n != shim.ForwardAnswer || !d.give(binary.BigEndian.Uint32(b), c) {
			if c != nil {
				_ = c.Close()
			}
		}
	}
}

// give is false where nobody waits for that.
func (d *direct) give(id uint32, c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	got, ok := d.pending[id]
	if ok {
		delete(d.pending, id)
		got <- c // it holds one
	}
	return ok
}

// connected is the TCP connection among what a packet brought, nil where there is none. What else an agent sends is closed.
func connected(rights []byte) (tcp net.Conn) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if c := tcpOf(fd); c != nil && tcp == nil {
				tcp = c
			} else if c != nil {
				_ = c.Close()
			}
		}
	}
	return tcp
}

// tcpOf makes a descriptor a TCP connection, or closes it.
func tcpOf(fd int) net.Conn {
	f := os.NewFile(uintptr(fd), "forwarded")
	defer f.Close()
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL); err != nil || kind != unix.IPPROTO_TCP {
		return nil
	}
	c, err := net.FileConn(f)
	if err != nil {
		return nil
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		_ = c.Close()
		return nil
	}
	return tcp
}
