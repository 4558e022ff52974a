package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

const (
	// listenEvery is how often it is looked who listens.
	listenEvery = 2 * time.Second
	// listenShare is how much longer than looking took it is not looked again: the kernel's tables may be long.
	listenShare = 500
)

// followListening tells in the run folder which ports are listened on, whenever that changes.
func followListening() {
	last := []byte("never")
	for {
		begin := time.Now()
		found, err := json.Marshal(listeners())
		if err == nil && !bytes.Equal(found, last) && tellListening(found) == nil {
			last = found
		}
		time.Sleep(max(listenEvery, listenShare*time.Since(begin)))
	}
}

func tellListening(b []byte) error {
	root, err := os.OpenRoot(runDir)
	if err != nil {
		return err
	}
	defer root.Close()
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 { // as with sessions' states, the host's user has to be able to delete it
		if uid, gid, err = owner(root); err != nil {
			return err
		}
	}
	return distrust.WriteFor(root, shim.ListeningFile, b, 0o600, uid, gid)
}

// socket is an address that is listened on.
type socket = netip.AddrPort

// listeners are the ports that are listened on in this network, the lowest first.
func listeners() []shim.Listener {
	all := []shim.Listener{}
	for _, s := range listeningSockets() {
		i := slices.IndexFunc(all, func(l shim.Listener) bool { return l.Port == int(s.Port()) })
		if i < 0 {
			all = append(all, shim.Listener{Port: int(s.Port()), Loopback: true})
			i = len(all) - 1
		}
		all[i].Loopback = all[i].Loopback && s.Addr().IsLoopback()
	}
	slices.SortFunc(all, func(a, b shim.Listener) int { return cmp.Compare(a.Port, b.Port) })
	return all[:min(len(all), shim.MaxListeners)]
}

// resolver is where Docker's own name server listens in containers of named networks.
var resolver = netip.MustParseAddr("127.0.0.11")

// maxSockets bounds how many sockets are looked at: an agent may listen on every port.
const maxSockets = 1 << 10

// listeningSockets reads the kernel's tables. They have those that listen first, so that the rest is not read.
func listeningSockets() (all []socket) {
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		sc := bufio.NewScanner(f)
		sc.Scan() // the head
		for sc.Scan() && len(all) < maxSockets {
			s, listens := parseSocket(sc.Text())
			if !listens {
				break
			}
			if s.IsValid() && s.Addr() != resolver {
				all = append(all, s)
			}
		}
		_ = f.Close()
	}
	return all
}

// parseSocket reads a line of proc(5)'s /proc/net/tcp: number, local address, remote address, state.
func parseSocket(line string) (s socket, listens bool) {
	const listen = "0A"
	f := strings.Fields(line)
	if len(f) < 4 || f[3] != listen {
		return s, false
	}
	address, port, _ := strings.Cut(f[1], ":")
	p, err := strconv.ParseUint(port, 16, 16)
	b, err2 := hex.DecodeString(address)
	if err != nil || err2 != nil {
		return s, true
	}
	for i := 0; i+4 <= len(b); i += 4 { // words in the order of a little-endian machine, as both of ours are
		slices.Reverse(b[i : i+4])
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return s, true
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(p)), true
}
