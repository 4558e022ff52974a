package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// TestListeners: what listens is found on both kinds of addresses, and a port is on the loopback alone when none of its sockets is elsewhere.
func TestListeners(t *testing.T) {
	port := func(network, address string) int {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l.Addr().(*net.TCPAddr).Port
	}
	want := map[int]bool{port("tcp4", "127.0.0.1:0"): true, port("tcp6", "[::1]:0"): true, port("tcp4", "0.0.0.0:0"): false, port("tcp", ":0"): false}
	for _, s := range listeningSockets() {
		loopback, ours := want[int(s.Port())]
		if ours && loopback != s.Addr().IsLoopback() {
			t.Errorf("%v, loopback %v", s, loopback)
		}
		delete(want, int(s.Port()))
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}

func TestParseSocket(t *testing.T) {
	for line, want := range map[string]string{
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000":                                                 "127.0.0.1:8080 true",
		"   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000": "[::1]:80 true",
		"   0: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 00000000:00000000": "127.0.0.1:80 true",
		"   1: 0100007F:1F90 0100007F:D2F0 01 00000000:00000000":                                                 "invalid AddrPort false",
		"   0: zz:1F90 00000000:0000 0A":                                                                         "invalid AddrPort true",
		"":                                                                                                       "invalid AddrPort false",
	} {
		s, listens := parseSocket(line)
		got := s.String() + " false"
		if listens {
			got = s.String() + " true"
		}
		if got != want {
			t.Errorf("%q is %s, not %s", line, got, want)
		}
	}
}

// TestToldListening: who listens replaces what somebody put in its place, without going where that leads.
func TestToldListening(t *testing.T) {
	was := runDir
	t.Cleanup(func() { runDir = was })
	runDir = t.TempDir()
	aim := filepath.Join(t.TempDir(), "aim")
	if err := os.WriteFile(aim, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(aim, filepath.Join(runDir, shim.ListeningFile)); err != nil {
		t.Fatal(err)
	}
	if err := tellListening([]byte(`[{"port":80}]`)); err != nil {
		t.Fatal(err)
	}
	var all []shim.Listener
	b, err := os.ReadFile(filepath.Join(runDir, shim.ListeningFile))
	if err != nil || json.Unmarshal(b, &all) != nil || len(all) != 1 || all[0].Port != 80 {
		t.Errorf("%s %v", b, err)
	}
	if b, _ := os.ReadFile(aim); string(b) != "kept" {
		t.Errorf("the link's aim is %q", b)
	}
}
