package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// forwardMain leads connections of the host to ports of this container (package shim has the protocol).
func forwardMain(in io.Reader, out *os.File) int {
	r := bufio.NewReader(in)
	line, err := r.ReadBytes('\n')
	var req shim.Forward
	if err != nil || json.Unmarshal(line, &req) != nil || req.Socket == "" && (req.Port < 1 || req.Port > 65535) {
		return reply(out, shim.Reply{Code: shim.CodeBadRequest, Message: "want a line with a socket or a port"})
	}
	if req.Socket == "" {
		return forwardOne(r, out, req.Port)
	}
	c, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: filepath.Join(runDir, filepath.Base(req.Socket)), Net: "unixpacket"})
	if err == nil {
		_, err = c.Write([]byte(req.Token))
	}
	if err != nil {
		return reply(out, shim.Reply{Code: shim.CodeUnreached, Message: err.Error()})
	}
	if code := reply(out, shim.Reply{OK: true}); code != 0 {
		return code
	}
	go func() { // the host leaves
		_, _ = io.Copy(io.Discard, r)
		_ = c.Close()
	}()
	handOut(c)
	return 0
}

// forwardOne makes input and output a connection to a port. It ends when the port's side does.
func forwardOne(in io.Reader, out *os.File, port int) int {
	c, err := dialPort(port)
	if err != nil {
		return reply(out, shim.Reply{Code: shim.CodeUnreached, Message: err.Error()})
	}
	defer func() { _ = c.Close() }()
	if code := reply(out, shim.Reply{OK: true}); code != 0 {
		return code
	}
	go func() {
		_, _ = io.Copy(c, in)
		_ = c.CloseWrite()
	}()
	_, _ = io.Copy(out, c)
	return 0
}

// handOut gives the host a connected socket for each packet that asks for one, until the host leaves.
func handOut(c *net.UnixConn) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		ask := make([]byte, shim.ForwardAsk)
		if n, err := c.Read(ask); err != nil || n != len(ask) {
			return
		}
		all.Go(func() {
			answer := slices.Concat(ask[:4], []byte{0})
			var rights []byte
			inner, err := dialPort(int(binary.BigEndian.Uint16(ask[4:])))
			if err == nil {
				defer func() { _ = inner.Close() }()
				if f, err := inner.File(); err == nil {
					defer func() { _ = f.Close() }()
					answer[4], rights = 1, unix.UnixRights(int(f.Fd()))
				}
			}
			_, _, _ = c.WriteMsgUnix(answer, rights, nil)
		})
	}
}

// dialTime bounds a connection to a port of this container: who listens and does not accept fills its queue.
const dialTime = 10 * time.Second

// dialPort connects to who listens on a port, on the loopback or elsewhere.
func dialPort(port int) (*net.TCPConn, error) {
	hosts := []string{"127.0.0.1", "::1"}
	for _, s := range listeningSockets() {
		if a := s.Addr(); int(s.Port()) == port && !a.IsUnspecified() && !a.IsLoopback() {
			hosts = append(hosts, a.String())
		}
	}
	var errs []error
	for _, host := range hosts {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(port)), dialTime)
		if err == nil {
			return c.(*net.TCPConn), nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
