package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// client speaks to a server on stdio.
type client struct {
	cmd *exec.Cmd
	in  io.WriteCloser

	mu      sync.Mutex
	next    int
	waiting map[int]chan error
}

// serve starts a server in dir and initializes it.
func (b *bench) serve(dir string) (*client, error) {
	c := &client{waiting: map[int]chan error{}}
	c.cmd = exec.Command(b.bin, "--stdio")
	c.cmd.Dir = dir
	c.cmd.Env = append(os.Environ(), "DOCKER_HOST="+b.host, "XDG_STATE_HOME="+b.dir+"/state", "XDG_DATA_HOME="+b.dir+"/data", "XDG_CONFIG_HOME="+b.dir+"/config")
	c.cmd.Stderr = os.Stderr
	var err error
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
	return c, c.call("initialize", fmt.Sprintf(`{"processId":null,"rootUri":"file://%s","capabilities":{}}`, dir))
}

func (c *client) read(r *bufio.Reader) {
	for {
		n := 0
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line = strings.TrimSpace(line); line == "" {
				break
			}
			n, _ = strconv.Atoi(strings.TrimPrefix(line, "Content-Length: "))
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		var m struct {
			ID    int
			Error *struct{ Message string }
		}
		if json.Unmarshal(body, &m) != nil {
			continue
		}
		c.mu.Lock()
		ch := c.waiting[m.ID]
		delete(c.waiting, m.ID)
		c.mu.Unlock()
		if ch == nil {
			continue
		}
		if m.Error != nil {
			ch <- errors.New(m.Error.Message)
			continue
		}
		ch <- nil
	}
}

func (c *client) send(body string) error {
	_, err := fmt.Fprintf(c.in, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return err
}

func (c *client) call(method, params string) error {
	ch := make(chan error, 1)
	c.mu.Lock()
	c.next++
	id := c.next
	c.waiting[id] = ch
	err := c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, id, method, params))
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return <-ch
}

func (c *client) command(name, args string) error {
	return c.call("workspace/executeCommand", fmt.Sprintf(`{"command":%q,"arguments":[%s]}`, name, args))
}

// memory is the server's resident set.
func (c *client) memory() string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	for _, line := range strings.Split(string(b), "\n") {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(v)[0])
			return fmt.Sprintf("%d MB", kb/1000)
		}
	}
	return "?"
}

func (c *client) close() error {
	if err := c.call("shutdown", "null"); err != nil {
		return err
	}
	if err := c.send(`{"jsonrpc":"2.0","method":"exit"}`); err != nil {
		return err
	}
	return c.cmd.Wait()
}
