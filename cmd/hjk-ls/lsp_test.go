package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

type clients struct{}

// lspClient is an editor's end of a running server.
type lspClient struct {
	cmd *exec.Cmd
	in  io.WriteCloser

	mu    sync.Mutex
	lines []string     // messages received, as compact JSON
	used  map[int]bool // messages that were expected already
	done  chan struct{}
}

// cmdLSP drives a server on stdio:
//
//	lsp NAME start ARG…         starts hjk-ls ARG…
//	lsp NAME send JSON          with Content-Length
//	lsp NAME expect REGEXP      in a message that has not been expected yet
//	lsp NAME never REGEXP       in no message so far
//	lsp NAME ends CODE
//	lsp NAME kill
func cmdLSP(ts *testscript.TestScript, _ bool, args []string) {
	all := ts.Value(clients{}).(map[string]*lspClient)
	if args[1] == "start" {
		c, err := startLSP(ts, args[2:])
		ts.Check(err)
		all[args[0]] = c
		ts.Defer(func() { _ = c.cmd.Process.Kill() })
		return
	}
	c := all[args[0]]
	switch args[1] {
	case "send":
		_, err := fmt.Fprintf(c.in, "Content-Length: %d\r\n\r\n%s", len(args[2]), args[2])
		ts.Check(err)
	case "expect":
		c.expect(ts, args[2])
	case "never":
		c.mu.Lock()
		defer c.mu.Unlock()
		if strings.Contains(strings.Join(c.lines, "\n"), args[2]) {
			ts.Fatalf("%q came", args[2])
		}
	case "ends":
		c.in.Close()
		select {
		case <-c.done:
		case <-time.After(patience):
			ts.Fatalf("the server did not end")
		}
		_ = c.cmd.Wait()
		if got := c.cmd.ProcessState.ExitCode(); strconv.Itoa(got) != args[2] {
			ts.Fatalf("exit code %d, not %s", got, args[2])
		}
	case "kill":
		ts.Check(c.cmd.Process.Kill())
		_ = c.cmd.Wait()
	default:
		ts.Fatalf("lsp: %q is not known", args[1])
	}
}

func startLSP(ts *testscript.TestScript, args []string) (*lspClient, error) {
	c := &lspClient{done: make(chan struct{}), used: map[int]bool{}}
	bin, err := lookIn(ts.Getenv("PATH"), "hjk-ls")
	if err != nil {
		return nil, err
	}
	c.cmd = exec.Command(bin, args...)
	c.cmd.Dir = ts.MkAbs(".")
	c.cmd.Env = os.Environ()
	for _, k := range []string{"HOME", "DOCKER_HOST", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "PATH"} {
		c.cmd.Env = append(c.cmd.Env, k+"="+ts.Getenv(k))
	}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go c.read(bufio.NewReader(out))
	return c, nil
}

func lookIn(path, name string) (string, error) {
	for _, dir := range strings.Split(path, ":") {
		if _, err := os.Stat(dir + "/" + name); err == nil {
			return dir + "/" + name, nil
		}
	}
	return "", exec.ErrNotFound
}

// read keeps every message, and answers the requests an editor answers by itself.
func (c *lspClient) read(r *bufio.Reader) {
	defer close(c.done)
	for {
		n := -1
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line = strings.TrimSpace(line); line == "" {
				break
			}
			if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				n, _ = strconv.Atoi(v)
			}
		}
		body := make([]byte, max(n, 0))
		if _, err := io.ReadFull(r, body); err != nil || n < 0 {
			c.add("not a message")
			return
		}
		var m struct {
			ID     json.RawMessage
			Method string
		}
		_ = json.Unmarshal(body, &m)
		c.add(string(body))
		if m.Method == "window/workDoneProgress/create" || m.Method == "hjk/openTerminal" {
			reply := `{"jsonrpc":"2.0","id":` + string(m.ID) + `,"result":null}`
			fmt.Fprintf(c.in, "Content-Length: %d\r\n\r\n%s", len(reply), reply)
		}
	}
}

func (c *lspClient) add(line string) {
	c.mu.Lock()
	c.lines = append(c.lines, line)
	c.mu.Unlock()
}

func (c *lspClient) expect(ts *testscript.TestScript, pattern string) {
	re, err := regexp.Compile(pattern)
	ts.Check(err)
	deadline := time.Now().Add(patience)
	for {
		c.mu.Lock()
		for i := range c.lines {
			if !c.used[i] && re.MatchString(c.lines[i]) {
				c.used[i] = true
				ts.Logf("%s", c.lines[i])
				c.mu.Unlock()
				return
			}
		}
		rest := strings.Join(c.lines, "\n")
		c.mu.Unlock()
		if time.Now().After(deadline) {
			ts.Fatalf("%q did not come; came:\n%s", pattern, rest)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
