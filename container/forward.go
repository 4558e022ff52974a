package container

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// Link leads connections of the host to ports of a running container, whatever network it has. Where host and container share a kernel
// the helper hands out sockets that it connected, so that bytes pass through nobody; elsewhere each connection is an exec.
//
// What answers may be the agent's, in the helper's place: then it gives what its servers could give as well.
type Link struct {
	e        *Engine
	id, user string
	direct   *direct // nil where each connection is an exec
}

// Stream is a connection to a port.
type Stream interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// linkTime bounds what a helper has to say at once.
const linkTime = 15 * time.Second

var errLinkTime = fmt.Errorf("the helper in the container has not answered in %v; end all that runs there with: hjk-ls stop", linkTime)

// Link connects to the helper of a running container, whose run folder is runDir. user is "uid:gid". Close it.
func (e *Engine) Link(ctx context.Context, id, user, runDir string) (*Link, error) {
	l := &Link{e: e, id: id, user: user}
	var err error
	l.direct, err = e.openDirect(ctx, id, user, runDir)
	if unreached(err) { // it does not see a socket of this host's
		err = nil
	}
	return l, err
}

// unreached reports whether the helper said that it could not connect.
func unreached(err error) bool {
	var se *SessionError
	return errors.As(err, &se) && se.Code == shim.CodeUnreached
}

// Dial connects to a port. That nobody listens there is a SessionError with shim.CodeUnreached.
func (l *Link) Dial(ctx context.Context, port int) (Stream, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, linkTime, errLinkTime)
	defer cancel()
	if l.direct != nil {
		return l.direct.dial(ctx, port)
	}
	s, err := l.e.forward(ctx, l.id, l.user, shim.Forward{Port: port})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Done is closed when the link has ended, as with the container. It is nil where there is nothing that could tell.
func (l *Link) Done() <-chan struct{} {
	if l.direct == nil {
		return nil
	}
	return l.direct.done
}

// Close ends the link. Connections that are there go on.
func (l *Link) Close() {
	if l.direct != nil {
		l.direct.close()
	}
}

// execStream is what an exec reads and writes.
type execStream struct {
	att types.HijackedResponse
	r   *bufio.Reader
	out *io.PipeReader
}

func (s *execStream) Read(b []byte) (int, error)  { return s.r.Read(b) }
func (s *execStream) Write(b []byte) (int, error) { return s.att.Conn.Write(b) }
func (s *execStream) CloseWrite() error           { return s.att.CloseWrite() }

func (s *execStream) Close() error {
	s.att.Close()
	return s.out.Close()
}

// forward starts the helper's "forward" and reads its answer.
func (e *Engine) forward(ctx context.Context, id, user string, req shim.Forward) (*execStream, error) {
	line, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	exec, att, err := e.execPlain(ctx, id, user, true, []string{shim.Path, "forward"})
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	stop := context.AfterFunc(ctx, att.Close)
	defer stop()
	out, in := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(in, io.Discard, att.Reader)
		in.CloseWithError(err) // nil is the end
	}()
	s := &execStream{att: att, r: bufio.NewReader(out), out: out}
	_, err = att.Conn.Write(append(line, '\n'))
	if err == nil {
		err = s.accepted()
	}
	if err == nil {
		return s, nil
	}
	_ = s.Close()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, io.EOF) && e.execCode(ctx, exec) == usageCode:
		return nil, ErrOldHelper
	}
	return nil, err
}

// accepted reads the one line that answers, and no byte more than its reader holds.
func (s *execStream) accepted() error {
	line, err := s.r.ReadSlice('\n')
	if err != nil { // also one that is longer than the reader holds
		return fmt.Errorf("the helper in the container said nothing: %w", err)
	}
	var reply shim.Reply
	if json.Unmarshal(line, &reply) != nil {
		return fmt.Errorf("the helper in the container said %q", printable(string(line), maxMessage))
	}
	if !reply.OK {
		return refusal(reply)
	}
	return nil
}
