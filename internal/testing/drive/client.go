package drive

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Client is an editor's end of a server on standard input and output.
type Client struct {
	cmd *exec.Cmd
	in  io.WriteCloser

	stderr  bytes.Buffer
	sending sync.Mutex

	mu      sync.Mutex // guards what follows
	next    int
	waiting map[int]chan answer
	told    func(method string, params json.RawMessage)
	asked   func(method string, params json.RawMessage) any
}

// Editor is how an editor behaves. The zero Editor is one that says nothing of itself and answers null.
type Editor struct {
	Capabilities map[string]any // beside window.workDoneProgress
	Options      map[string]any // initializationOptions
	Folders      []string       // default: the one the server starts in
	Wrap         []string       // a command line that the server is started by
	// Told gets every notification, Asked answers every request of the server; both are called one at a time. An answer that takes its
	// time is a func() any.
	Told  func(method string, params json.RawMessage)
	Asked func(method string, params json.RawMessage) any
}

type answer struct {
	result json.RawMessage
	err    error
}

// Error is an error response.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    struct {
		Code string `json:"code"`
	} `json:"data"`
}

func (e *Error) Error() string { return e.Message + " (" + e.Data.Code + ")" }

// Serve starts a server in dir and initializes it. told, which may be nil, gets every notification, one at a time.
func (r *Rig) Serve(dir string, told func(method string, params json.RawMessage)) (*Client, error) {
	return r.ServeEditor(dir, Editor{Told: told})
}

// ServeEditor is Serve for an editor with ways of its own.
func (r *Rig) ServeEditor(dir string, e Editor) (*Client, error) {
	c := &Client{waiting: map[int]chan answer{}, told: e.Told, asked: e.Asked}
	argv := append(slices.Clone(e.Wrap), r.Bin, "--stdio")
	c.cmd = r.Cmd(dir, argv[0], argv[1:]...)
	c.cmd.Stderr = &c.stderr
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
	params := map[string]any{
		"processId": os.Getpid(), "rootUri": FileURI(dir), "capabilities": e.capabilities(), "initializationOptions": e.Options,
	}
	if len(e.Folders) > 0 {
		var folders []map[string]string
		for _, f := range e.Folders {
			folders = append(folders, map[string]string{"uri": FileURI(f), "name": filepath.Base(f)})
		}
		params["workspaceFolders"] = folders
	}
	if err := c.Call("initialize", params, nil); err != nil {
		_ = c.cmd.Process.Kill()
		return nil, fmt.Errorf("initialize: %w: %s", err, c.Ended())
	}
	return c, c.Notify("initialized", struct{}{})
}

// FileURI is a path as editors name it.
func FileURI(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}

func (e Editor) capabilities() map[string]any {
	all := map[string]any{"window": map[string]any{"workDoneProgress": true}}
	maps.Copy(all, e.Capabilities)
	return all
}

func (c *Client) read(r *bufio.Reader) {
	for {
		body, err := message(r)
		if err != nil {
			c.fail(fmt.Errorf("the server ended: %w", err))
			return
		}
		var m struct {
			ID     json.RawMessage
			Method string
			Params json.RawMessage
			Result json.RawMessage
			Error  *Error
		}
		if err := json.Unmarshal(body, &m); err != nil {
			c.fail(err)
			return
		}
		switch {
		case m.Method != "" && m.ID != nil:
			var result any
			if c.asked != nil {
				result = c.asked(m.Method, m.Params)
			}
			if wait, late := result.(func() any); late {
				go func() { _ = c.send(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": wait()}) }()
				continue
			}
			_ = c.send(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": result})
		case m.Method != "":
			if c.told != nil {
				c.told(m.Method, m.Params)
			}
		default:
			c.answer(m.ID, m.Result, m.Error)
		}
	}
}

// message reads one message with its header.
func message(r *bufio.Reader) ([]byte, error) {
	n := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			n, _ = strconv.Atoi(v)
		}
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	return body, err
}

func (c *Client) answer(id, result json.RawMessage, e *Error) {
	n, _ := strconv.Atoi(string(id))
	c.mu.Lock()
	ch := c.waiting[n]
	delete(c.waiting, n)
	c.mu.Unlock()
	if ch == nil {
		return
	}
	a := answer{result: result}
	if e != nil {
		a.err = e
	}
	ch <- a
}

func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, ch := range c.waiting {
		delete(c.waiting, id)
		ch <- answer{err: err}
	}
	c.waiting = nil
}

func (c *Client) send(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	_, err = fmt.Fprintf(c.in, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return err
}

// Notify sends a notification.
func (c *Client) Notify(method string, params any) error {
	return c.send(map[string]any{"jsonrpc": "2.0", "method": method, "params": params})
}

// Call sends a request and waits for its answer, which it decodes into result unless that is nil.
func (c *Client) Call(method string, params, result any) error {
	ch := make(chan answer, 1)
	c.mu.Lock()
	if c.waiting == nil {
		c.mu.Unlock()
		return io.ErrClosedPipe
	}
	c.next++
	id := c.next
	c.waiting[id] = ch
	c.mu.Unlock()
	if err := c.send(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params}); err != nil {
		return err
	}
	a := <-ch
	if a.err != nil || result == nil {
		return a.err
	}
	return json.Unmarshal(a.result, result)
}

// Command executes a command with one argument object.
func (c *Client) Command(name string, args, result any) error {
	return c.Call("workspace/executeCommand", map[string]any{"command": name, "arguments": []any{args}}, result)
}

// Pid is the server's.
func (c *Client) Pid() int { return c.cmd.Process.Pid }

// Ended waits for the server's end and gives what it wrote to standard error.
func (c *Client) Ended() string {
	_ = c.cmd.Wait()
	return c.stderr.String()
}

// Kill ends the server with SIGKILL.
func (c *Client) Kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// Close ends the server as an editor does.
func (c *Client) Close() error {
	if err := c.Call("shutdown", nil, nil); err != nil {
		return err
	}
	if err := c.Notify("exit", nil); err != nil {
		return err
	}
	return c.cmd.Wait()
}
