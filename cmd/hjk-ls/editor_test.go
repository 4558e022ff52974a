package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// editor is an editor that remembers what it is told.
type editor struct {
	rig
	*drive.Client

	mu     sync.Mutex
	heard  []heard
	cursor map[string]int          // by method: what has been waited for
	answer func(method string) any // to the server's requests
}

type heard struct {
	method string
	params json.RawMessage
}

// edit starts a server with an editor that can do everything, and has a Dockerfile of the folder open: one that nothing is built of.
func (r rig) edit(e drive.Editor) *editor {
	r.Helper()
	ed := r.look(e)
	ed.show("open.dockerfile", "FROM scratch\n")
	ed.settled()
	return ed
}

// show opens a Dockerfile in the editor, with a text.
func (e *editor) show(name, text string) (uri string) {
	e.Helper()
	uri = drive.FileURI(filepath.Join(e.repo, name))
	e.tell("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "dockerfile", "version": 1, "text": text}})
	return uri
}

// inputs has all that a build reads begin one, not only what the image's environment is made from.
func (r rig) inputs() {
	r.Helper()
	r.userConfig("build: {on: inputs}\n")
}

// look starts a server with an editor that has no file open.
func (r rig) look(e drive.Editor) *editor {
	r.Helper()
	ed := &editor{rig: r, cursor: map[string]int{}}
	e.Capabilities = map[string]any{
		"workspace": map[string]any{
			"codeLens": map[string]any{"refreshSupport": true}, "inlayHint": map[string]any{"refreshSupport": true},
		},
		"textDocument": map[string]any{"hover": map[string]any{"contentFormat": []string{"markdown"}}},
	}
	e.Told = ed.hear
	e.Asked = func(method string, params json.RawMessage) any {
		ed.hear(method, params)
		ed.mu.Lock()
		defer ed.mu.Unlock()
		if ed.answer == nil {
			return nil
		}
		return ed.answer(method)
	}
	dir := r.repo
	if len(e.Folders) > 0 {
		dir = e.Folders[0]
	}
	c, err := r.ServeEditor(dir, e)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(c.Kill)
	ed.Client = c
	if len(e.Folders) == 0 { // where nothing is followed, nothing is told at first
		ed.await("hjk/instances", "")
	}
	return ed
}

func (e *editor) hear(method string, params json.RawMessage) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, heard{method, append(json.RawMessage(nil), params...)})
}

// all is everything that was heard so far.
func (e *editor) all() []heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

// settled waits until the server watches: what is written before counts as what was there.
func (e *editor) settled() { time.Sleep(700 * time.Millisecond) }

// next is the next message of a method that holds a text, after those that were waited for.
func (e *editor) next(method, with string) (json.RawMessage, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := e.cursor[method]; i < len(e.heard); i++ {
		if h := e.heard[i]; h.method == method && strings.Contains(string(h.params), with) {
			e.cursor[method] = i + 1
			return h.params, true
		}
	}
	return nil, false
}

// forgetBuilds passes over what was told of builds.
func (e *editor) forgetBuilds() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cursor["hjk/build"] = len(e.heard)
}

func (e *editor) await(method, with string) json.RawMessage {
	e.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if p, ok := e.next(method, with); ok {
			return p
		}
	}
	for _, h := range e.all() {
		if h.method != "hjk/instances" {
			e.Logf("%s %s", h.method, h.params)
		}
	}
	e.Fatalf("no %s with %q came", method, with)
	return nil
}

// built waits for the end of a build in a state, and gives what was told of it.
func (e *editor) built(state string) agents.BuildEvent {
	e.Helper()
	var ev agents.BuildEvent
	if err := json.Unmarshal(e.await("hjk/build", `"state":"`+state+`"`), &ev); err != nil {
		e.Fatal(err)
	}
	return ev
}

// silent checks that nothing is built for a while.
func (e *editor) silent(what string) {
	e.Helper()
	time.Sleep(700 * time.Millisecond)
	if p, ok := e.next("hjk/build", ""); ok {
		e.Fatalf("%s: %s", what, p)
	}
}

// write saves a file of the repository in one go.
func (r rig) write(name, text string) {
	r.Helper()
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.repo, name)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.Fatal(err)
	}
}

// cat is what a file holds in an image.
func (r rig) cat(image, file string) string {
	r.Helper()
	return strings.TrimSpace(r.docker("run", "--rm", "--network", "none", image, "cat", file))
}

func (r rig) docker(args ...string) string {
	r.Helper()
	out, err := r.Do(r.Dir, "docker", append([]string{"--host", r.Host}, args...)...)
	if err != nil {
		r.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// open tells the server of the Dockerfile, as it is on disk.
func (e *editor) open() string {
	e.Helper()
	path := filepath.Join(e.repo, "Dockerfile")
	text, err := os.ReadFile(path)
	if err != nil {
		e.Fatal(err)
	}
	e.tell("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": drive.FileURI(path), "languageId": "dockerfile", "version": 1, "text": string(text),
	}})
	return drive.FileURI(path)
}

func (e *editor) tell(method string, params any) {
	e.Helper()
	if err := e.Notify(method, params); err != nil {
		e.Fatal(err)
	}
}

// ask sends a request and decodes its answer.
func ask[T any](e *editor, method string, params any) T {
	e.Helper()
	var out T
	if err := e.Call(method, params, &out); err != nil {
		e.Fatalf("%s: %v", method, err)
	}
	return out
}
