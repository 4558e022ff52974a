package container

import (
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestForgedConnections: of what a packet brings only a TCP connection is taken, one, and nothing else stays open.
func TestForgedConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := func(f interface{ File() (*os.File, error) }, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		c, err := f.File()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Dup(int(c.Fd()))
		_ = c.Close()
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	tcp := func() int {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return file(c.(*net.TCPConn), nil)
	}
	udp := func() int {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err == nil {
			defer c.Close()
		}
		return file(c, err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		fds   []int
		taken bool
	}{
		"a file and a local socket": {[]int{null, pair[0], pair[1]}, false},
		"datagrams":                 {[]int{udp()}, false},
		"a connection":              {[]int{tcp()}, true},
		"two, and a file after":     {[]int{tcp(), tcp(), file(l.(*net.TCPListener), nil)}, true},
		"nothing":                   {nil, false},
	} {
		got := connected(unix.UnixRights(c.fds...))
		if (got != nil) != c.taken {
			t.Errorf("%s: %v", name, got)
		}
		for _, fd := range c.fds { // what is taken has a descriptor of its own
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
				t.Errorf("%s: a descriptor is left open", name)
			}
		}
		if got != nil {
			_ = got.Close()
		}
	}
	if got := connected([]byte("no rights at all, but some bytes")); got != nil {
		t.Error("of nothing came a connection")
	}
}
