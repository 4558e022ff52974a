package server

import (
	"context"

	"go.lsp.dev/protocol"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// teeToEditor sends log entries to the editor too, in order, through the stream's queue.
func (s *Server) teeToEditor() zap.Option {
	return zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		enc := plain.Encoder(zapcore.NewConsoleEncoder(zapcore.EncoderConfig{MessageKey: "msg", EncodeDuration: zapcore.StringDurationEncoder, ConsoleSeparator: " "}))
		return zapcore.NewTee(core, &editorCore{LevelEnabler: zapcore.InfoLevel, enc: enc, s: s})
	})
}

// editorCore writes entries as window/logMessage.
type editorCore struct {
	zapcore.LevelEnabler
	enc zapcore.Encoder
	s   *Server
}

func (c *editorCore) With(fields []zapcore.Field) zapcore.Core {
	enc := c.enc.Clone()
	for _, f := range fields {
		f.AddTo(enc)
	}
	return &editorCore{c.LevelEnabler, enc, c.s}
}

func (c *editorCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

func (c *editorCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	b, err := c.enc.EncodeEntry(e, fields)
	if err != nil {
		return err
	}
	defer b.Free()
	kind := protocol.MessageTypeInfo
	switch {
	case e.Level >= zapcore.ErrorLevel:
		kind = protocol.MessageTypeError
	case e.Level == zapcore.WarnLevel:
		kind = protocol.MessageTypeWarning
	}
	return c.s.client.LogMessage(context.Background(), &protocol.LogMessageParams{Type: kind, Message: b.String()})
}

func (c *editorCore) Sync() error { return nil }
