package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// call is one command while it runs.
type call struct {
	s        *Server
	ctx      context.Context
	progress *progress // nil for commands that are quick
}

// command is an entry of the command table.
type command struct {
	title string // of its progress; "" has none
	run   func(c call, raw json.RawMessage) (any, error)
}

// with decodes the argument object of a command.
func with[A, R any](f func(call, A) (R, error)) func(call, json.RawMessage) (any, error) {
	return func(c call, raw json.RawMessage) (any, error) {
		var args A
		if err := decode(raw, &args); err != nil {
			return nil, err
		}
		return f(c, args)
	}
}

// configArgs is the argument object of hjk-ls.config.
type configArgs struct {
	Workspace string `json:"workspace,omitempty"`
}

// commands are all commands, by the name executeCommandProvider advertises (docs/protocol.md).
var commands = map[string]command{
	"hjk-ls.run": {"Running an agent on %s", with(func(c call, a agents.RunArgs) (agents.RunResult, error) {
		res, err := c.s.agents.Run(c.ctx, a, c.feedback())
		for _, w := range res.Warnings {
			c.s.showMessage(protocol.MessageTypeWarning, w)
		}
		if err == nil && a.Attach {
			c.s.openTerminal(c.ctx, agents.SessionArgs{Workspace: res.Instance.Repo, Branch: res.Instance.Branch, Session: res.Session.Name})
		}
		return res, err
	})},
	"hjk-ls.attach": {"", with(func(c call, a agents.SessionArgs) (agents.AttachResult, error) { return c.s.agents.Attach(c.ctx, a) })},
	"hjk-ls.start": {"Bringing back what ran", with(func(c call, a agents.StartArgs) (agents.StartResult, error) {
		return c.s.agents.Start(c.ctx, a, c.feedback())
	})},
	"hjk-ls.exec": {"Running a command on %s", with(func(c call, a agents.ExecArgs) (agents.ExecResult, error) {
		return c.s.agents.Exec(c.ctx, a, c.feedback())
	})},
	"hjk-ls.stop": {"Stopping %s", with(func(c call, a agents.BranchArgs) (agents.InstanceResult, error) {
		return c.s.agents.Stop(c.ctx, a, c.feedback())
	})},
	"hjk-ls.kill": {"", with(func(c call, a agents.SessionArgs) (agents.InstanceResult, error) { return c.s.agents.Kill(c.ctx, a) })},
	"hjk-ls.send": {"", with(func(c call, a agents.SendArgs) (agents.SendResult, error) { return c.s.agents.Send(c.ctx, a) })},
	"hjk-ls.wait": {"", with(func(c call, a agents.WaitArgs) (agents.WaitResult, error) { return c.s.agents.Wait(c.ctx, a) })},
	"hjk-ls.recreate": {"Recreating %s", with(func(c call, a agents.RecreateArgs) (agents.InstanceResult, error) {
		return c.s.agents.Recreate(c.ctx, a, c.feedback())
	})},
	"hjk-ls.setup": {"Setting up %s", with(func(c call, a agents.SetupArgs) (agents.SetupResult, error) {
		res, err := c.s.agents.Setup(c.ctx, a, c.feedback())
		for _, w := range res.Warnings {
			c.s.showMessage(protocol.MessageTypeWarning, w)
		}
		return res, err
	})},
	"hjk-ls.remove": {"Removing %s", with(func(c call, a agents.RemoveArgs) (agents.RemoveResult, error) {
		return c.s.agents.Remove(c.ctx, a, c.feedback())
	})},
	"hjk-ls.merge": {"Merging %s", with(func(c call, a agents.MergeArgs) (agents.MergeResult, error) {
		return c.s.agents.Merge(c.ctx, a, c.feedback())
	})},
	"hjk-ls.push": {"Pushing %s", with(func(c call, a agents.PushArgs) (agents.PushResult, error) {
		return c.s.agents.Push(c.ctx, a, c.feedback())
	})},
	"hjk-ls.list": {"", with(func(c call, a agents.ListArgs) (agents.ListResult, error) { return c.s.agents.List(c.ctx, a) })},
	"hjk-ls.logs": {"", with(func(c call, a agents.LogsArgs) (agents.LogsResult, error) { return c.s.agents.Logs(c.ctx, a) })},
	"hjk-ls.build": {"Building %s", with(func(c call, a agents.BuildArgs) (agents.BuildResult, error) {
		return c.s.agents.Build(c.ctx, a, c.feedback())
	})},
	"hjk-ls.buildLog": {"", with(func(c call, a agents.BuildLogArgs) (agents.BuildLogResult, error) {
		res, err := c.s.agents.BuildLog(c.ctx, a)
		if err == nil && a.Show {
			c.s.showLog(c.ctx, res.Path)
		}
		return res, err
	})},
	"hjk-ls.forward": {"", with(func(c call, a agents.ForwardArgs) (agents.ForwardResult, error) {
		return c.s.agents.KeepForward(c.ctx, a)
	})},
	"hjk-ls.unforward": {"", with(func(c call, a agents.UnforwardArgs) (agents.UnforwardResult, error) {
		return c.s.agents.Unforward(c.ctx, a)
	})},
	"hjk-ls.open": {"", with(func(c call, a agents.OpenArgs) (agents.ForwardResult, error) {
		res, err := c.s.agents.Open(c.ctx, a)
		if err == nil {
			c.s.showPage(c.ctx, res.URL)
		}
		return res, err
	})},
	"hjk-ls.images": {"", with(func(c call, a agents.ImagesArgs) (agents.ImagesResult, error) { return c.s.agents.Images(c.ctx, a) })},
	"hjk-ls.prune": {"Removing unused images", with(func(c call, a agents.PruneArgs) (agents.PruneResult, error) {
		return c.s.agents.Prune(c.ctx, a, c.feedback())
	})},
	"hjk-ls.init":    {"", with(func(c call, a agents.InitArgs) (agents.InitResult, error) { return c.s.agents.Init(c.ctx, a) })},
	"hjk-ls.doctor":  {"", with(func(c call, a agents.DoctorArgs) (agents.DoctorResult, error) { return c.s.agents.Doctor(c.ctx, a) })},
	"hjk-ls.choices": {"", with(func(c call, a agents.ChoicesArgs) (agents.ChoicesResult, error) { return c.s.agents.Choices(c.ctx, a) })},
	"hjk-ls.changes": {"", with(func(c call, a agents.ChangesArgs) (agents.ChangesResult, error) { return c.s.agents.Changes(c.ctx, a) })},
	"hjk-ls.file":    {"", with(func(c call, a agents.FileArgs) (agents.FileResult, error) { return c.s.agents.File(c.ctx, a) })},
	"hjk-ls.config":  {"", with(func(c call, a configArgs) (agents.ConfigResult, error) { return c.s.agents.Config(c.ctx, a.Workspace) })},
}

func commandNames() []string { return slices.Sorted(maps.Keys(commands)) }

// ExecuteCommand runs a command with its progress.
func (s *Server) ExecuteCommand(ctx context.Context, p *protocol.ExecuteCommandParams) (protocol.LSPAny, error) {
	cmd, ok := commands[p.Command]
	if !ok {
		return nil, agents.Errorf(agents.CodeInvalidArgument, "there is no command %q; there are %s", p.Command, strings.Join(commandNames(), ", "))
	}
	raw := json.RawMessage("{}")
	switch len(p.Arguments) {
	case 0:
	case 1:
		raw = json.RawMessage(p.Arguments[0])
	default:
		return nil, agents.Errorf(agents.CodeInvalidArgument, "%s takes one object as its only argument, not %d arguments", p.Command, len(p.Arguments))
	}
	c := call{s: s, ctx: ctx}
	var err error
	if cmd.title != "" {
		pctx, cancel := context.WithCancel(ctx)
		defer cancel()
		c.ctx = pctx
		c.progress = s.beginProgress(pctx, cancel, p.WorkDoneToken, strings.ReplaceAll(cmd.title, "%s", subject(raw)), p.Command == "hjk-ls.build")
		defer func() { c.progress.end(pctx, err) }()
	}
	var res any
	if res, err = cmd.run(c, raw); err != nil {
		if c.ctx.Err() != nil {
			err = &agents.Error{Code: agents.CodeCanceled, Message: "canceled", Err: err}
		}
		return nil, err
	}
	b, merr := answer(res)
	err = merr
	return protocol.LSPAny(b), err
}

// maxText bounds, as JSON, a text in an answer; maxAnswer an answer as a whole, whatever is in it.
const (
	maxText   = 16 << 20
	maxAnswer = 32 << 20
)

// answer is a result as JSON. An agent decides how long logs, files and names are: texts are cut, and say so, and what is
// too much all the same is refused, as no client could take it.
func answer(res any) ([]byte, error) {
	if text, ok := res.(interface{ Fit(budget int) any }); ok {
		res = text.Fit(maxText)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(res); err != nil {
		return nil, err
	}
	if b.Len() > maxAnswer {
		return nil, agents.Errorf(agents.CodeAnswerTooLarge, "the answer has %d MiB, more than the %d that are sent; ask for less, or use the command line: hjk-ls --help",
			b.Len()>>20, maxAnswer>>20)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// subject is what a progress is about.
func subject(raw json.RawMessage) string {
	var a struct{ Branch, Dockerfile string }
	_ = json.Unmarshal(raw, &a)
	for _, s := range []string{a.Branch, a.Dockerfile} {
		if s != "" {
			return s
		}
	}
	return "the Dockerfile"
}

// decode reads an argument object strictly: what is not understood must not be silently without effect.
func decode(raw json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil && !bytes.Equal(bytes.TrimSpace(raw), []byte("null")):
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return agents.Errorf(agents.CodeInvalidArgument, "%s: want %s, not %s", wrong.Field, kindName(wrong.Type), wrong.Value)
	case err != nil && strings.HasPrefix(err.Error(), "json: unknown field "):
		return agents.Errorf(agents.CodeInvalidArgument, "unknown field %s; known are %s",
			strings.TrimPrefix(err.Error(), "json: unknown field "), strings.Join(fieldNames(reflect.TypeOf(into).Elem()), ", "))
	}
	return agents.Errorf(agents.CodeInvalidArgument, "the argument is not an object of %s", strings.Join(fieldNames(reflect.TypeOf(into).Elem()), ", "))
}

func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	}
	return t.String()
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func validJSON(b []byte) bool { return json.Valid(b) }
