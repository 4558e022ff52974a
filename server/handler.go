package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// handler is the chain every message goes through. It is our own because the library's frees every message to a
// goroutine, so that edits overtake each other, and because its cancellation crashes beside handlers that answer
// inline (docs/adr/0007).
func (s *Server) handler() jsonrpc2.Handler {
	dispatch := protocol.ServerHandler(s, jsonrpc2.MethodNotFoundHandler)
	return func(ctx context.Context, req *jsonrpc2.Request) (any, error) {
		method := strings.Clone(req.Method())
		if !req.IsCall() {
			s.notification(ctx, method, req, dispatch)
			return nil, nil
		}
		if err := s.admit(method); err != nil {
			s.failed.Store(true)
			return nil, err
		}
		if method == protocol.MethodInitialize || method == protocol.MethodShutdown {
			return s.guard(ctx, method, func(ctx context.Context) (any, error) { return dispatch(ctx, req) })
		}
		rctx, done := s.register(ctx, req.ID()) // before Async: a cancel that follows at once must find it
		defer done()
		jsonrpc2.Async(ctx)
		return s.guard(rctx, method, func(ctx context.Context) (any, error) { return dispatch(ctx, req) })
	}
}

func (s *Server) notification(ctx context.Context, method string, req *jsonrpc2.Request, dispatch jsonrpc2.Handler) {
	switch {
	case method == protocol.MethodCancelRequest:
		s.cancelRequest(json.RawMessage(req.Params()))
		return
	case method != protocol.MethodExit && s.lifecycle() == stateNew:
		return // LSP: dropped before initialize
	case method == "hjk/trust":
		s.trust(json.RawMessage(req.Params()))
		return
	}
	_, err := s.guard(ctx, method, func(ctx context.Context) (any, error) { return dispatch(ctx, req) })
	if err != nil && !strings.HasPrefix(method, "$/") {
		s.log.Debug("notification", zap.String("method", method), zap.Error(err))
	}
}

// register makes a request's context cancelable by its id, and ended with the connection.
func (s *Server) register(ctx context.Context, id jsonrpc2.ID) (context.Context, func()) {
	rctx, cancel := context.WithCancel(jsonrpc2.DetachContext(ctx))
	key := idKey(id)
	s.background.Add(1)
	s.mu.Lock()
	s.running[key] = cancel
	s.mu.Unlock()
	return rctx, func() {
		s.mu.Lock()
		delete(s.running, key)
		s.mu.Unlock()
		cancel()
		s.background.Done()
	}
}

// idKey is an id as $/cancelRequest spells it.
func idKey(id jsonrpc2.ID) string {
	if n, ok := id.Number(); ok {
		return strconv.FormatInt(n, 10)
	}
	v, _ := id.StringValue()
	return strconv.Quote(v)
}

func (s *Server) cancelRequest(params json.RawMessage) {
	var p struct {
		ID any `json:"id"`
	}
	d := json.NewDecoder(strings.NewReader(string(params)))
	d.UseNumber()
	if d.Decode(&p) != nil {
		return
	}
	key := fmt.Sprint(p.ID)
	if v, ok := p.ID.(string); ok {
		key = strconv.Quote(v)
	}
	s.mu.Lock()
	cancel := s.running[key]
	s.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// guard runs a handler; a panic in it is that request's error and nobody else's.
func (s *Server) guard(ctx context.Context, method string, f func(context.Context) (any, error)) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.cfg.Log.Error("panic", zap.String("method", method), zap.Any("value", r), zap.ByteString("stack", debug.Stack()))
			result, err = nil, jsonrpc2.Errorf(jsonrpc2.InternalError, "%s failed inside hjk-ls: %v; please report it", method, r)
		}
		if err = wireError(ctx, err); err != nil {
			s.failed.Store(true)
		}
	}()
	return f(ctx)
}

// wireError turns an error into what is sent. It alone knows the numbers.
func wireError(ctx context.Context, err error) error {
	var wire *jsonrpc2.Error
	if err == nil {
		return nil
	}
	if errors.As(err, &wire) {
		if wire.Code == jsonrpc2.ParseError { // the message was JSON; its params are not what the method takes
			return jsonrpc2.NewError(jsonrpc2.InvalidParams, wire.Message)
		}
		return err
	}
	code := agents.CodeOf(err)
	e := &jsonrpc2.Error{Code: protocolRequestFailed, Message: plain.Notice(err.Error())}
	switch {
	case ctx.Err() != nil || code == agents.CodeCanceled:
		e.Code, code = protocolRequestCancelled, agents.CodeCanceled
	case code == agents.CodeInvalidArgument:
		e.Code = jsonrpc2.InvalidParams
	case code == agents.CodeInternal:
		e.Code = jsonrpc2.InternalError
	}
	if data, merr := json.Marshal(map[string]agents.Code{"code": code}); merr == nil {
		e.Data = data
	}
	return e
}

// Error codes of LSP 3.17 (base protocol, "Response Message").
const (
	protocolRequestFailed    = -32803
	protocolRequestCancelled = -32800
	protocolNotInitialized   = -32002
)

// codec is the protocol package's own, which it does not export.
type codec struct{ jsonrpc2.JSONCodec }

func (c codec) Marshal(v any) ([]byte, error) {
	switch v.(type) {
	case nil, jsonrpc2.RawMessage, *jsonrpc2.RawMessage:
		return c.JSONCodec.Marshal(v)
	}
	return protocol.Marshal(v)
}

func (c codec) Unmarshal(data []byte, v any) error {
	if _, ok := v.(*jsonrpc2.RawMessage); ok {
		return c.JSONCodec.Unmarshal(data, v)
	}
	return protocol.Unmarshal(data, v)
}
