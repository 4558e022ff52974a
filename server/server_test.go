package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// scripted is an Agents that does what a real one will not do on demand: block, fail, panic.
type scripted struct {
	Agents
	run func(context.Context, agents.RunArgs, agents.Feedback) (agents.RunResult, error)

	mu       sync.Mutex
	folders  []string
	settings []string
}

func (f *scripted) SetFolders(p []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.folders = p
}

func (f *scripted) SetSettings(raw json.RawMessage) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settings = append(f.settings, string(raw))
	return nil
}

func (f *scripted) Watch(ctx context.Context, _ func(agents.Snapshot)) { <-ctx.Done() }

func (f *scripted) Run(ctx context.Context, a agents.RunArgs, fb agents.Feedback) (agents.RunResult, error) {
	return f.run(ctx, a, fb)
}

// peer is the client's end.
type peer struct {
	t    *testing.T
	in   io.WriteCloser
	out  *io.PipeReader
	done chan int

	mu   sync.Mutex
	text strings.Builder
}

type duplex struct {
	io.Reader
	io.Writer
	close func() error
}

func (d duplex) Close() error { return d.close() }

func serve(t *testing.T, f *scripted, framing Framing) *peer {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	p := &peer{t: t, in: inW, out: outR, done: make(chan int, 1)}
	s := New(Config{Agents: f, Framing: framing, Folder: t.TempDir()})
	go func() {
		code, _ := s.Serve(context.Background(), duplex{inR, outW, func() error { return errors.Join(inR.Close(), outW.Close()) }})
		p.done <- code
	}()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := outR.Read(buf)
			p.mu.Lock()
			p.text.Write(buf[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *peer) send(format string, args ...any) {
	p.t.Helper()
	body := fmt.Sprintf(format, args...)
	p.raw(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
}

func (p *peer) raw(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) got() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func (p *peer) expect(want string) {
	p.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(p.got(), want) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%q did not come; came:\n%s", want, p.got())
		}
		time.Sleep(time.Millisecond)
	}
}

func (p *peer) ends(code int) {
	p.t.Helper()
	select {
	case got := <-p.done:
		if got != code {
			p.t.Fatalf("exit code %d, want %d", got, code)
		}
	case <-time.After(20 * time.Second):
		p.t.Fatal("the server did not end")
	}
	p.in.Close()
	p.out.Close()
}

func (p *peer) initialize() {
	p.t.Helper()
	p.send(`{"jsonrpc":"2.0","id":"init","method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}`)
	p.expect(`"id":"init","result"`)
}

func (p *peer) leave() {
	p.t.Helper()
	p.send(`{"jsonrpc":"2.0","id":"bye","method":"shutdown"}`)
	p.expect(`"id":"bye","result":null`)
	p.send(`{"jsonrpc":"2.0","method":"exit"}`)
	p.ends(0)
}

const runCall = `{"jsonrpc":"2.0","id":%d,"method":"workspace/executeCommand","params":{"command":"hjk-ls.run","arguments":[{"branch":"b%d"}]}}`

func TestNotificationsKeepTheirOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := &scripted{}
	p := serve(t, f, ContentLength)
	p.initialize()
	for i := range 2000 {
		p.send(`{"jsonrpc":"2.0","method":"workspace/didChangeConfiguration","params":{"settings":{"headjack":{"n":%d}}}}`, i)
	}
	p.leave()
	if len(f.settings) != 2000 {
		t.Fatalf("%d settings came", len(f.settings))
	}
	for i, s := range f.settings {
		if s != fmt.Sprintf(`{"n":%d}`, i) {
			t.Fatalf("at %d came %s", i, s)
		}
	}
}

func TestCancel(t *testing.T) {
	defer goleak.VerifyNone(t)
	started := make(chan struct{}, 200)
	f := &scripted{run: func(ctx context.Context, _ agents.RunArgs, _ agents.Feedback) (agents.RunResult, error) {
		started <- struct{}{}
		<-ctx.Done()
		return agents.RunResult{}, ctx.Err()
	}}
	p := serve(t, f, ContentLength)
	p.initialize()
	for i := range 100 {
		p.send(runCall, i, i)
		p.send(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":%d}}`, i)
	}
	for i := range 100 {
		p.expect(fmt.Sprintf(`"id":%d,"error":{"code":-32800`, i))
	}
	p.leave()
}

func TestPanicIsOneRequestsError(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := &scripted{run: func(context.Context, agents.RunArgs, agents.Feedback) (agents.RunResult, error) { panic("boom") }}
	p := serve(t, f, ContentLength)
	p.initialize()
	p.send(runCall, 1, 1)
	p.expect(`"id":1,"error":{"code":-32603`)
	p.leave()
}

func TestShutdownEndsWhatRuns(t *testing.T) {
	defer goleak.VerifyNone(t)
	running := make(chan struct{})
	f := &scripted{run: func(ctx context.Context, _ agents.RunArgs, _ agents.Feedback) (agents.RunResult, error) {
		close(running)
		<-ctx.Done()
		return agents.RunResult{}, ctx.Err()
	}}
	p := serve(t, f, ContentLength)
	p.initialize()
	p.send(runCall, 1, 1)
	<-running
	p.leave()
}

func TestConsentIsRefusedWithoutAnAnswer(t *testing.T) {
	defer goleak.VerifyNone(t)
	answer := make(chan agents.Answer, 1)
	f := &scripted{run: func(_ context.Context, _ agents.RunArgs, fb agents.Feedback) (agents.RunResult, error) {
		answer <- fb.Consent("image x", []string{"privileged=true"})
		return agents.RunResult{}, nil
	}}
	p := serve(t, f, ContentLength)
	p.initialize()
	p.send(runCall, 1, 1)
	p.expect("window/showMessageRequest")
	p.send(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}`)
	if <-answer != agents.Unanswered {
		t.Fatal("an unanswered question was taken for an answer")
	}
	p.leave()
}

func TestProgressBalances(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := &scripted{run: func(_ context.Context, a agents.RunArgs, fb agents.Feedback) (agents.RunResult, error) {
		fb.Step("one")
		if a.Branch == "b2" {
			return agents.RunResult{}, agents.Errorf(agents.CodeBuildFailed, "it broke\nlong output")
		}
		return agents.RunResult{}, nil
	}}
	p := serve(t, f, ContentLength)
	p.initialize()
	for i := 1; i <= 2; i++ {
		p.send(`{"jsonrpc":"2.0","id":%d,"method":"workspace/executeCommand","params":{"workDoneToken":"t%d","command":"hjk-ls.run","arguments":[{"branch":"b%d"}]}}`, i, i, i)
	}
	p.expect(`{"token":"t1","value":{"kind":"end","message":"done"}}`)
	p.expect(`{"token":"t2","value":{"kind":"end","message":"failed: it broke"}}`)
	p.expect(`"id":2,"error":{"code":-32803,"message":"it broke\nlong output","data":{"code":"build_failed"}}`)
	if n := strings.Count(p.got(), `"kind":"begin"`); n != 2 {
		t.Fatalf("%d progresses began", n)
	}
	p.leave()
}

func TestBadInput(t *testing.T) {
	for name, c := range map[string]struct {
		send, want string
		code       int
	}{
		"negative length":   {"Content-Length: -5\r\n\r\n", "", 1},
		"oversized length":  {"Content-Length: 99999999999\r\n\r\n", "", 1},
		"length no number":  {"Content-Length: many\r\n\r\n", "", 1},
		"no length":         {"X-Header: 1\r\n\r\n", "", 1},
		"no header":         {strings.Repeat("x", 9000), "", 1},
		"malformed JSON":    {"Content-Length: 4\r\n\r\n{no}", `"id":null,"error":{"code":-32700`, 0},
		"no JSON-RPC":       {"Content-Length: 7\r\n\r\n{\"a\":1}", `"id":null,"error":{"code":-32600`, 0},
		"header case":       {"content-length: 4\r\nX-Other: 1\r\n\r\nnull", `"error"`, 0},
		"second initialize": {frameOf(`{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}`), `"id":7,"error":{"code":-32600`, 0},
		"unknown method":    {frameOf(`{"jsonrpc":"2.0","id":7,"method":"x/y"}`), `"id":7,"error":{"code":-32601`, 0},
		"unknown notice":    {frameOf(`{"jsonrpc":"2.0","method":"$/y"}`), "", 0},
		"wrong params":      {frameOf(`{"jsonrpc":"2.0","id":7,"method":"workspace/executeCommand","params":[]}`), `"id":7,"error"`, 0},
		"two arguments":     {frameOf(`{"jsonrpc":"2.0","id":7,"method":"workspace/executeCommand","params":{"command":"hjk-ls.run","arguments":[{},{}]}}`), `invalid_argument`, 0},
		"null argument":     {frameOf(`{"jsonrpc":"2.0","id":7,"method":"workspace/executeCommand","params":{"command":"hjk-ls.run","arguments":[null]}}`), `invalid_argument`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			p := serve(t, &scripted{}, ContentLength)
			p.initialize()
			p.raw(c.send)
			if c.code != 0 {
				p.ends(c.code)
				return
			}
			if c.want != "" {
				p.expect(c.want)
			}
			p.leave()
		})
	}
}

func frameOf(body string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body) }

func TestHalfAMessageAndTheEnd(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := serve(t, &scripted{}, ContentLength)
	p.initialize()
	p.raw("Content-Length: 100\r\n\r\n{\"jsonrpc\"")
	p.in.Close()
	p.ends(1)
}

// TestClientThatStopsReading: what it is sent is bounded, and the server ends.
func TestClientThatStopsReading(t *testing.T) {
	defer goleak.VerifyNone(t)
	big := strings.Repeat("x", 1<<20)
	f := &scripted{run: func(context.Context, agents.RunArgs, agents.Feedback) (agents.RunResult, error) {
		return agents.RunResult{Session: agents.Session{Name: big}}, nil
	}}
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	s := New(Config{Agents: f, Framing: Lines, Folder: t.TempDir()})
	done := make(chan int, 1)
	go func() {
		code, _ := s.Serve(context.Background(), duplex{inR, outW, func() error { return errors.Join(inR.Close(), outW.Close()) }})
		done <- code
	}()
	go func() {
		for i := range 200 {
			if _, err := fmt.Fprintf(inW, runCall+"\n", i, i); err != nil {
				return
			}
		}
	}()
	select {
	case code := <-done:
		if code != 1 {
			t.Fatalf("exit code %d", code)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("the server hangs on a client that does not read")
	}
	inW.Close()
	outR.Close()
}

func TestLinesFinishWhatRuns(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := &scripted{run: func(_ context.Context, a agents.RunArgs, _ agents.Feedback) (agents.RunResult, error) {
		time.Sleep(50 * time.Millisecond)
		return agents.RunResult{Instance: agents.Instance{Branch: a.Branch}}, nil
	}}
	p := serve(t, f, Lines)
	p.raw(fmt.Sprintf(runCall, 1, 1) + "\n\n" + fmt.Sprintf(runCall, 2, 2)) // the last line has no newline
	p.in.Close()
	p.ends(0)
	for _, want := range []string{`"id":1,"result"`, `"id":2,"result"`} {
		if !strings.Contains(p.got(), want) {
			t.Errorf("%s did not come: %s", want, p.got())
		}
	}
}

func FuzzFraming(f *testing.F) {
	f.Add("Content-Length: 2\r\n\r\n{}")
	f.Add("Content-Length: -1\r\n\r\n")
	f.Add("\r\n\r\nContent-Length")
	f.Fuzz(func(t *testing.T, in string) {
		for _, framing := range []Framing{ContentLength, Lines} {
			s := newStream(duplex{strings.NewReader(in), io.Discard, func() error { return nil }}, framing, func() {})
			for {
				if _, _, err := s.Read(context.Background()); err != nil {
					break
				}
			}
			_ = s.Close()
		}
	})
}

// TestClientThatReadsLate: a client that is busy while long answers come gets them all, as it does read.
func TestClientThatReadsLate(t *testing.T) {
	defer goleak.VerifyNone(t)
	big := strings.Repeat("x", 17<<20)
	ran := make(chan bool, 4)
	f := &scripted{run: func(context.Context, agents.RunArgs, agents.Feedback) (agents.RunResult, error) {
		ran <- true
		return agents.RunResult{Session: agents.Session{Name: big}}, nil
	}}
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	s := New(Config{Agents: f, Framing: Lines, Folder: t.TempDir()})
	done := make(chan int, 1)
	go func() {
		code, _ := s.Serve(context.Background(), duplex{inR, outW, func() error { return errors.Join(inR.Close(), outW.Close()) }})
		done <- code
	}()
	for i := range 4 {
		if _, err := fmt.Fprintf(inW, runCall+"\n", i, i); err != nil {
			t.Fatal(err)
		}
		<-ran
	}
	deadline := time.Now().Add(time.Minute)
	for s.stream.waiting() < 4*len(big) { // more than may wait for a client that does not read
		if time.Now().After(deadline) {
			t.Fatalf("only %d bytes wait", s.stream.waiting())
		}
		time.Sleep(time.Millisecond)
	}
	inW.Close()
	n, err := io.Copy(io.Discard, outR)
	if err != nil || n < int64(4*len(big)) {
		t.Errorf("%d bytes came: %v", n, err)
	}
	if code := <-done; code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestAnswerThatIsTooLong: texts are cut and say so, and what is too long all the same is an error of that request alone.
func TestAnswerThatIsTooLong(t *testing.T) {
	for name, text := range map[string]string{"quotes": strings.Repeat(`"`, 9<<20), "control characters": strings.Repeat("\x01", 3<<20), "lines": strings.Repeat("a longer line\n", 5<<18)} {
		b, err := answer(agents.LogsResult{Text: text})
		var res agents.LogsResult
		if err != nil || len(b) > maxText+100 || json.Unmarshal(b, &res) != nil || !res.Truncated || !strings.HasSuffix(text, res.Text) || res.Text == "" {
			t.Errorf("%s: %d bytes, %v %v", name, len(b), err, res.Truncated)
		}
		if all, err := json.Marshal(agents.LogsResult{Text: text}); err != nil || len(all) <= maxText {
			t.Errorf("the control: %s have %d bytes %v", name, len(all), err)
		}
	}
	if b, err := answer(agents.LogsResult{Text: "<short> & good"}); err != nil || string(b) != `{"text":"<short> & good"}` {
		t.Errorf("%s %v", b, err)
	}
	f := &scripted{run: func(context.Context, agents.RunArgs, agents.Feedback) (agents.RunResult, error) {
		return agents.RunResult{Session: agents.Session{Name: strings.Repeat("x", maxAnswer+1)}}, nil
	}}
	p := serve(t, f, ContentLength)
	p.initialize()
	p.send(runCall, 1, 1)
	p.expect(`"code":"answer_too_large"`)
	p.leave()
}

// TestWhatAnEditorIsToldOfReferences: of thousands the first come, and how many there are more.
func TestWhatAnEditorIsToldOfReferences(t *testing.T) {
	git := &agents.Git{State: "held", Message: "no\x1b[2J\u202e"}
	for i := range 5000 {
		git.Refs = append(git.Refs, agents.GitRef{Name: fmt.Sprint(i), Ref: strings.Repeat("x", 8000)})
	}
	all := []agents.Instance{{Branch: "x\u202e", Git: git}}
	for _, v := range []any{agents.ListResult{Instances: all}, agents.Snapshot{Instances: all}, agents.RunResult{Instance: all[0]}, agents.InstanceResult{Instance: all[0]}} {
		b, err := answer(v)
		if err != nil || len(b) > 2<<20 || !strings.Contains(string(b), `"moreRefs":4900`) || !strings.Contains(string(b), `"branch":"x`+"\u202e\"") || strings.Contains(string(b), `\u001b`) {
			t.Errorf("%T: %d bytes, %v", v, len(b), err)
		}
	}
	if whole, err := json.Marshal(all); err != nil || len(whole) <= maxAnswer || len(git.Refs) != 5000 {
		t.Errorf("the control: %d bytes and %d references %v", len(whole), len(git.Refs), err)
	}
}
