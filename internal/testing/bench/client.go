package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// client is a server that is told its arguments as JSON text.
type client struct{ *drive.Client }

// serve starts a server; told, if it is there, gets its notifications.
func (b *bench) serve(dir string, told ...func(method string, params json.RawMessage)) (*client, error) {
	var e drive.Editor
	if len(told) > 0 {
		e.Told = told[0]
	}
	c, err := (&drive.Rig{Dir: b.dir, Bin: b.bin, Host: b.host}).ServeEditor(dir, e)
	return &client{c}, err
}

// open says that the editor has a Dockerfile open.
func (c *client) open(path string) error {
	return c.Notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": drive.FileURI(path), "languageId": "dockerfile", "version": 1, "text": "",
	}})
}

func (c *client) command(name, args string) error { return c.Command(name, json.RawMessage(args), nil) }

// memory is the server's resident set.
func (c *client) memory() string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Pid()))
	for _, line := range strings.Split(string(b), "\n") {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(v)[0])
			return fmt.Sprintf("%d MB", kb/1000)
		}
	}
	return "?"
}
