package container

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/container/shim/link"
)

// Command is a command that runs in a container beside its sessions, and whose streams are the caller's.
type Command struct {
	Request shim.Exec
	In      io.Reader // nil is empty
	Out     io.Writer
	Err     io.Writer     // unused where the command has a terminal
	Resize  <-chan Size   // may be nil
	Signals <-chan string // names of shim.Signals, for the command; may be nil
	Started func()        // is called when it runs; may be nil
}

// LostError means that a command's container was taken away while it ran.
type LostError struct{ AttachResult }

func (e *LostError) Error() string {
	switch {
	case e.OutOfMemory:
		return "its container was killed, as it used all the memory it may have"
	case e.Reason == Lost:
		return "the container engine does not answer any more"
	}
	return "its container was " + string(e.Reason)
}

// Exec runs a command and returns when it has ended and Out and Err have all it wrote. When ctx ends, or this process, the command is
// ended, too. In may be read once more after Exec has returned: give a reader that can be canceled.
func (e *Engine) Exec(ctx context.Context, id, user string, c Command) (shim.Ended, error) {
	line, err := json.Marshal(c.Request)
	if err != nil {
		return shim.Ended{}, err
	}
	exec, att, err := e.execLinked(ctx, id, user)
	if err != nil {
		return shim.Ended{}, fmt.Errorf("start a command: %w", err)
	}
	defer att.Close()
	outer := ctx
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	defer context.AfterFunc(ctx, att.Close)()
	r, w := io.Pipe()
	defer r.Close()
	complaint := bounded{max: maxReply}
	go func() {
		_, err := stdcopy.StdCopy(w, &complaint, att.Reader)
		w.CloseWithError(errors.Join(io.EOF, err))
	}()
	if _, err = att.Conn.Write(append(line, '\n')); err != nil {
		return shim.Ended{}, fmt.Errorf("start a command: %w", err)
	}
	x := &running{Command: c, link: link.New(bufio.NewReaderSize(r, 64<<10), att.Conn)}
	if err = x.serve(ctx); x.ended != nil {
		return *x.ended, nil
	}
	switch {
	case outer.Err() != nil:
		return shim.Ended{}, context.Cause(outer)
	case x.refused != nil:
		return shim.Ended{}, x.refused
	}
	return shim.Ended{}, e.execLost(context.WithoutCancel(ctx), id, exec, err)
}

// running is a command at this side of its link.
type running struct {
	Command
	link    *link.Link
	begun   bool
	refused error       // why it does not run
	ended   *shim.Ended // how it ended
}

var errOver = errors.New("the command is over")

// serve passes on what comes until the command is over, and gives all that came to who gets it.
func (x *running) serve(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return x.link.Serve(func(b []byte) error {
		var m shim.ExecMessage
		if err := json.Unmarshal(b, &m); err != nil {
			return err
		}
		switch {
		case m.Ended != nil:
			m.Ended.Code &= 0xff
			x.ended = m.Ended
			return errOver
		case m.Reply != nil && !m.Reply.OK:
			x.refused = refusal(*m.Reply)
			return errOver
		case m.Reply != nil && !x.begun:
			x.begun = true
			x.begin(ctx, &all)
		}
		return nil
	})
}

// begin is called when the command runs.
func (x *running) begin(ctx context.Context, all *sync.WaitGroup) {
	if x.Started != nil {
		x.Started()
	}
	all.Go(func() { _ = x.link.Receive(link.Out, x.Out) })
	if !x.Request.Terminal {
		all.Go(func() { _ = x.link.Receive(link.Err, x.Err) })
	}
	in := x.In
	if in == nil {
		in = strings.NewReader("")
	}
	go func() { _ = x.link.Send(link.In, in) }()
	go x.tell(ctx)
}

// tell passes on signals and the terminal's sizes.
func (x *running) tell(ctx context.Context) {
	for {
		var m shim.ExecMessage
		select {
		case <-ctx.Done():
			return
		case m.Signal = <-x.Signals:
		case size := <-x.Resize:
			m.Cols, m.Rows = size.Cols, size.Rows
		}
		if x.link.Tell(m) != nil {
			return
		}
	}
}

// execLinked starts the helper's command. Podman looks for the keys that detach also where there is no terminal: it gets such as nobody
// types, and no file has in it.
func (e *Engine) execLinked(ctx context.Context, id, user string) (exec string, att types.HijackedResponse, err error) {
	return e.execWith(ctx, id, container.ExecOptions{
		User: user, WorkingDir: "/", Cmd: []string{shim.Path, "exec"}, AttachStdin: true, AttachStdout: true, AttachStderr: true,
		DetachKeys: unlikelyKeys(),
	})
}

// unlikelyKeys are 26 random control keys.
func unlikelyKeys() string {
	keys := strings.Split(strings.ToLower(rand.Text()), "")
	for i, k := range keys {
		if k < "a" { // a digit
			k = "@"
		}
		keys[i] = "ctrl-" + k
	}
	return strings.Join(keys, ",")
}

// execLost says why a command went without a word.
func (e *Engine) execLost(ctx context.Context, id, exec string, err error) error {
	code := e.execCode(ctx, exec)
	if code == usageCode {
		return ErrOldHelper
	}
	if end := e.fate(ctx, id, Ended); end.Reason != Ended {
		return &LostError{end}
	}
	return fmt.Errorf("the helper in the container ended with exit code %d: %w", code, err)
}
