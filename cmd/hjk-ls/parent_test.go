package main

import (
	"fmt"
	"os/exec"
	"testing"
	"time"
)

// TestParentGone ends the editor's process without a word, while something holds the server's input open.
func TestParentGone(t *testing.T) {
	r := newRig(t)
	editor := exec.Command("sleep", "0.3")
	must(t, editor.Start())
	server := r.Cmd(r.repo, r.Bin, "--stdio")
	in, err := server.StdinPipe()
	must(t, err)
	defer in.Close()
	must(t, server.Start())
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":%d,"rootUri":null,"capabilities":{}}}`, editor.Process.Pid)
	_, err = fmt.Fprintf(in, "Content-Length: %d\r\n\r\n%s", len(body), body)
	must(t, err)
	must(t, editor.Wait())
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	select {
	case <-ended:
	case <-time.After(patience):
		_ = server.Process.Kill()
		t.Fatal("the server outlives its editor")
	}
}
