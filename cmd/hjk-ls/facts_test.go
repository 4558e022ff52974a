package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

type position struct{ Line, Character int }

type span struct{ Start, End position }

type diagnostics struct {
	URI         string
	Version     *int
	Diagnostics []struct {
		Range              span
		Severity           int
		Code, Source       string
		Message            string
		RelatedInformation []struct {
			Location struct {
				URI   string
				Range span
			}
			Message string
		}
	}
}

func (e *editor) diagnosed(with string) diagnostics {
	e.Helper()
	var d diagnostics
	if err := json.Unmarshal(e.await("textDocument/publishDiagnostics", with), &d); err != nil {
		e.Fatal(err)
	}
	return d
}

const clearDiagnostics = `"diagnostics":[]`

func TestFailureIsOnTheFailingInstruction(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("src/main.go", "")
	e := r.edit(drive.Editor{})
	unique := rand.Text()
	for name, c := range map[string]struct {
		text    string
		want    span
		message []string
		related string // file, relative
		line    int    // of the related place, from 0
	}{
		"run":       {"FROM hjk-test/busybox:1\n\n  RUN echo 日本-%s && exit 3\n", span{position{2, 2}, position{2, 24 + len(unique)}}, []string{"exit code: 3", "日本-" + unique}, "", 0},
		"continued": {"FROM hjk-test/busybox:1\nRUN echo %s && \\\n  # why\n  exit 4\nRUN true\n", span{position{1, 0}, position{3, 8}}, []string{"exit code: 4"}, "", 0},
		"heredoc":   {"# syntax=docker/dockerfile:1\nFROM hjk-test/busybox:1\nRUN <<E\necho %s\n\nexit 5\nE\nRUN true\n", span{position{2, 0}, position{6, 1}}, []string{"exit code: 5"}, "", 0},
		"copy":      {"FROM hjk-test/busybox:1\nRUN echo %s\nCOPY src/mian.go /\n", span{position{2, 0}, position{2, 18}}, []string{"src/mian.go is not in the build context"}, "src", 0},
		"base":      {"ARG X=%s\nFROM 127.0.0.1:1/none:1\n", span{position{1, 0}, position{1, 23}}, []string{"none:1"}, "Dockerfile", 1},
		"stage":     {"FROM scratch AS build\nFROM scratch\nCOPY --from=127.0.0.1:1/biuld:1 /%s /\n", span{position{2, 0}, position{2, 35 + len(unique)}}, nil, "Dockerfile", 0},
		"nonsense":  {"FROM hjk-test/busybox:1\nRUNN %s\n", span{position{1, 0}, position{1, 5 + len(unique)}}, []string{"unknown instruction: RUNN"}, "", 0},
	} {
		r.write("Dockerfile", strings.Replace(c.text, "%s", unique, 1))
		ev := e.built("failed")
		d := e.diagnosed(`"build_failed"`)
		if len(d.Diagnostics) != 1 || d.URI != drive.FileURI(filepath.Join(r.repo, "Dockerfile")) || d.Version != nil {
			t.Fatalf("%s: %+v", name, d)
		}
		got := d.Diagnostics[0]
		if got.Range != c.want || got.Severity != 1 || got.Source != "headjack" {
			t.Errorf("%s: %+v, not %+v", name, got, c.want)
		}
		for _, m := range c.message {
			if !strings.Contains(got.Message, m) {
				t.Errorf("%s: %q", name, got.Message)
			}
		}
		if ev.Error == "" {
			t.Errorf("%s: %+v", name, ev)
		}
		if c.related != "" {
			if len(got.RelatedInformation) != 1 {
				t.Errorf("%s: related %+v", name, got.RelatedInformation)
			} else if at := got.RelatedInformation[0].Location; at.URI != drive.FileURI(filepath.Join(r.repo, c.related)) || at.Range.Start.Line != c.line {
				t.Errorf("%s: related %+v", name, at)
			}
		}
	}
	r.write("Dockerfile", "FROM hjk-test/busybox:1\n")
	e.built("succeeded")
	e.diagnosed(clearDiagnostics)
}

// TestFailureGoesWithItsStep edits an open document without saving it.
func TestFailureGoesWithItsStep(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{})
	uri := e.open()
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN echo "+rand.Text()+"; exit 7\n")
	e.built("failed")
	text, err := os.ReadFile(filepath.Join(r.repo, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	version := 1
	change := func(changes ...any) {
		version++
		e.tell("textDocument/didChange", map[string]any{
			"textDocument": map[string]any{"uri": uri, "version": version}, "contentChanges": changes,
		})
	}
	at := func(line, from, to int) map[string]any {
		return map[string]any{"start": map[string]int{"line": line, "character": from}, "end": map[string]int{"line": line, "character": to}}
	}
	change(map[string]any{"text": string(text)})
	if d := e.diagnosed(`"build_failed"`); d.Version == nil || *d.Version != version || d.Diagnostics[0].Range.Start.Line != 1 {
		t.Fatalf("%+v", d)
	}
	change(map[string]any{"range": at(0, 0, 0), "text": "# 😀 a comment\n"}, map[string]any{"range": at(0, 2, 4), "text": "😀😀"})
	if d := e.diagnosed(`"build_failed"`); *d.Version != version || d.Diagnostics[0].Range.Start.Line != 2 {
		t.Fatalf("a line above: %+v", d)
	}
	change(map[string]any{"range": at(2, 4, 8), "text": "true"})
	if d := e.diagnosed(clearDiagnostics); *d.Version != version {
		t.Fatalf("%+v", d)
	}
	change(map[string]any{"range": at(2, 4, 8), "text": "echo"})
	e.diagnosed(`"build_failed"`)
	e.tell("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": uri}})
	if d := e.diagnosed(`"build_failed"`); d.Version != nil || d.Diagnostics[0].Range.Start.Line != 1 {
		t.Fatalf("what is on disk: %+v", d)
	}
}

type hint struct {
	Position position
	Label    string
}

func (e *editor) hints(uri string) map[int]string {
	e.Helper()
	all := map[int]string{}
	for _, h := range ask[[]hint](e, "textDocument/inlayHint", map[string]any{
		"textDocument": map[string]any{"uri": uri}, "range": map[string]any{"start": position{}, "end": map[string]int{"line": 1000, "character": 0}},
	}) {
		all[h.Position.Line] = h.Label
	}
	return all
}

func (e *editor) hover(uri string, line int) string {
	e.Helper()
	res := ask[*struct {
		Contents struct{ Kind, Value string }
	}](e, "textDocument/hover", map[string]any{"textDocument": map[string]any{"uri": uri}, "position": map[string]int{"line": line, "character": 1}})
	if res == nil {
		return ""
	}
	return res.Contents.Value
}

type lens struct {
	Range   span
	Command struct {
		Title, Command string
		Arguments      []json.RawMessage
	}
}

func (e *editor) lenses(uri string) map[string]lens {
	e.Helper()
	all := map[string]lens{}
	for _, l := range ask[[]lens](e, "textDocument/codeLens", map[string]any{"textDocument": map[string]any{"uri": uri}}) {
		all[fmt.Sprintf("%d %s", l.Range.Start.Line, l.Command.Title)] = l
	}
	return all
}

func TestBuildFactsInTheEditor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{})
	text := "FROM hjk-test/busybox:1 AS tools\nRUN sleep 0.3; echo said-%s\nFROM tools\nRUN head -c 3000000 /dev/zero > /big; echo %s\nCMD [\"x\"]\n"
	text = strings.ReplaceAll(text, "%s", rand.Text())
	r.write("Dockerfile", text)
	uri := e.open()
	e.built("succeeded")
	e.await("workspace/inlayHint/refresh", "")
	e.await("workspace/codeLens/refresh", "")
	check := func(when string, hints map[int]string) {
		t.Helper()
		h, _, _ := strings.Cut(hints[1], ", 16.38kB") // which containerd's store counts for a layer of nothing
		if !strings.HasSuffix(h, " ms") && !strings.HasSuffix(h, " s") && !strings.HasPrefix(h, "cached, took") {
			t.Errorf("%s: a step's time: %v", when, hints)
		}
		if !strings.HasSuffix(hints[3], "3MB") && !strings.HasSuffix(hints[3], "3.006MB") || !strings.Contains(hints[2], "MB in all, built in ") {
			t.Errorf("%s: sizes: %v", when, hints)
		}
	}
	check("after the build", e.hints(uri))
	if h := e.hover(uri, 1); !strings.Contains(h, "said-") || !strings.HasPrefix(h, "Last build: ") {
		t.Errorf("hover %q", h)
	}
	lenses := e.lenses(uri)
	for _, want := range []string{"0 Build", "0 Run agent on a new branch…", "0 Show log", "0 Build this stage", "2 Build this stage"} {
		if _, ok := lenses[want]; !ok {
			t.Errorf("no lens %q in %v", want, lenses)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	e = r.edit(drive.Editor{})
	e.open()
	check("in another server", e.hints(uri))
	l := e.lenses(uri)["0 Build this stage"]
	var built struct{ Image string }
	if err := e.Call("workspace/executeCommand", map[string]any{"command": l.Command.Command, "arguments": l.Command.Arguments}, &built); err != nil || r.docker("image", "inspect", "-f", "{{len .RootFS.Layers}}", built.Image) != "2" {
		t.Errorf("the stage: %v %v", built, err)
	}
	if h := e.hints(uri); !strings.HasPrefix(h[1], "cached, took ") {
		t.Errorf("a step that was not run again: %v", h)
	}
	var log struct{ Text, Path, State string }
	if err := e.Command("hjk-ls.buildLog", map[string]any{"dockerfile": uri}, &log); err != nil || !strings.Contains(log.Text, "said-") || log.State != "succeeded" {
		t.Errorf("log: %+v %v", log, err)
	}
	for i := range 6 {
		r.hjk("build", "--no-cache")
		if logs, _ := filepath.Glob(log.Path + "*"); len(logs) != min(i+2, 5) {
			t.Errorf("%d logs after %d builds", len(logs), i+2)
		}
	}
	e.tell("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": uri, "version": 2}, "contentChanges": []any{
		map[string]any{"text": strings.Replace("# more\n"+text, "sleep 0.3", "sleep 0.4", 1)},
	}})
	if h := e.hints(uri); h[2] != "" || !strings.Contains(h[4], "MB") {
		t.Errorf("a step that was changed has no facts, the others moved: %v", h)
	}
	if e.hover(uri, 2) != "" {
		t.Error("hover on a changed step")
	}
}

func TestProgressAndCancel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{})
	seconds := fmt.Sprint(100000 + time.Now().UnixNano()%100000)
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN echo "+seconds+"\nRUN sleep "+seconds+"\nRUN true\n")
	var p struct {
		Token json.RawMessage
		Value struct {
			Cancellable bool
			Message     string
			Percentage  int
		}
	}
	if err := json.Unmarshal(e.await("$/progress", `"kind":"begin"`), &p); err != nil || !p.Value.Cancellable {
		t.Fatalf("%+v %v", p, err)
	}
	token := p.Token
	if err := json.Unmarshal(e.await("$/progress", "step 3/4: RUN sleep"), &p); err != nil || p.Value.Percentage != 50 {
		t.Fatalf("%+v %v", p, err)
	}
	e.tell("window/workDoneProgress/cancel", map[string]any{"token": token})
	e.await("$/progress", `"message":"canceled"`)
	e.built("canceled")
	r.eventually("the step ended", func() bool { return !running("sleep " + seconds) })
	e.silent("after Cancel")
	if h := r.hjk("build-log"); !strings.Contains(h, "canceled after") {
		t.Errorf("log: %s", h)
	}
}
