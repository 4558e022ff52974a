package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// Agents is what the commands need of agents.Manager.
type Agents interface {
	SetFolders(paths []string)
	SetSettings(raw json.RawMessage) error
	Run(context.Context, agents.RunArgs, agents.Feedback) (agents.RunResult, error)
	Attach(context.Context, agents.SessionArgs) (agents.AttachResult, error)
	ToOffer(context.Context, []agents.Instance) []agents.Instance
	Start(context.Context, agents.StartArgs, agents.Feedback) (agents.StartResult, error)
	Exec(context.Context, agents.ExecArgs, agents.Feedback) (agents.ExecResult, error)
	Stop(context.Context, agents.BranchArgs, agents.Feedback) (agents.InstanceResult, error)
	Kill(context.Context, agents.SessionArgs) (agents.InstanceResult, error)
	KeepForward(context.Context, agents.ForwardArgs) (agents.ForwardResult, error)
	Unforward(context.Context, agents.UnforwardArgs) (agents.UnforwardResult, error)
	Open(context.Context, agents.OpenArgs) (agents.ForwardResult, error)
	Send(context.Context, agents.SendArgs) (agents.SendResult, error)
	Wait(context.Context, agents.WaitArgs) (agents.WaitResult, error)
	Recreate(context.Context, agents.RecreateArgs, agents.Feedback) (agents.InstanceResult, error)
	Setup(context.Context, agents.SetupArgs, agents.Feedback) (agents.SetupResult, error)
	Remove(context.Context, agents.RemoveArgs, agents.Feedback) (agents.RemoveResult, error)
	List(context.Context, agents.ListArgs) (agents.ListResult, error)
	Logs(context.Context, agents.LogsArgs) (agents.LogsResult, error)
	Build(context.Context, agents.BuildArgs, agents.Feedback) (agents.BuildResult, error)
	Images(context.Context, agents.ImagesArgs) (agents.ImagesResult, error)
	Prune(context.Context, agents.PruneArgs, agents.Feedback) (agents.PruneResult, error)
	Init(context.Context, agents.InitArgs) (agents.InitResult, error)
	Doctor(context.Context, agents.DoctorArgs) (agents.DoctorResult, error)
	BuildLog(context.Context, agents.BuildLogArgs) (agents.BuildLogResult, error)
	Config(context.Context, string) (agents.ConfigResult, error)
	Choices(context.Context, agents.ChoicesArgs) (agents.ChoicesResult, error)
	Changes(context.Context, agents.ChangesArgs) (agents.ChangesResult, error)
	Merge(context.Context, agents.MergeArgs, agents.Feedback) (agents.MergeResult, error)
	Push(context.Context, agents.PushArgs, agents.Feedback) (agents.PushResult, error)
	File(context.Context, agents.FileArgs) (agents.FileResult, error)
	DockerfileFacts(path string) agents.DockerfileFacts
	FollowBuilds(context.Context, agents.BuildHooks)
	SetOpen(dockerfiles []string)
	Saved(path string)
	SavedText(path, text string)
	SetTrusted(bool)
	Watch(context.Context, func(agents.Snapshot))
}

// Framing is how messages are told apart on the stream.
type Framing int

// The framings.
const (
	ContentLength Framing = iota // LSP's header
	Lines                        // one message a line, for scripts
)

// Config is what a Server is made of.
type Config struct {
	Agents  Agents
	Log     *zap.Logger // to standard error; messages of level info and above go to the editor too
	Version string
	Framing Framing
	Folder  string // the workspace of Lines before, or without, initialize
}

// Server serves one editor connection.
type Server struct {
	protocol.UnimplementedServer
	cfg    Config
	log    *zap.Logger
	agents Agents
	client protocol.Client
	conn   jsonrpc2.Conn
	stream *stream

	background sync.WaitGroup // what outlives a request: watching, telling
	life       context.Context
	end        context.CancelFunc // ends life
	failed     atomic.Bool        // a request was answered with an error

	docs       documents
	diagnosing sync.Mutex        // guards diagnosed
	diagnosed  map[string]string // by path: what was told last, as JSON

	mu                       sync.Mutex // guards what follows
	state                    lifecycle
	refreshing, refreshAgain bool
	toDiagnose               map[string]bool // paths, while somebody looks at them; else nil
	caps                     clientCaps
	folders                  []string
	passedOver               []error                       // folders that are not of this machine
	running                  map[string]context.CancelFunc // by request id
	progress                 map[string]context.CancelFunc // by progress token
}

// New makes a Server.
func New(c Config) *Server {
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	return &Server{
		cfg: c, agents: c.Agents, log: c.Log, running: map[string]context.CancelFunc{},
		progress: map[string]context.CancelFunc{}, diagnosed: map[string]string{},
	}
}

// drainTime is how long requests have to end once the connection is over.
const drainTime = 10 * time.Second

// Serve speaks on rw until exit, the end of input, or ctx. The exit code is LSP's: 0 after shutdown, else 1; with Lines,
// 1 if a request failed.
func (s *Server) Serve(ctx context.Context, rw io.ReadWriteCloser) (exitCode int, err error) {
	s.life, s.end = context.WithCancel(ctx)
	defer s.end()
	s.stream = newStream(rw, s.cfg.Framing, s.onEOF)
	s.conn = jsonrpc2.NewConn(s.stream, jsonrpc2.WithCodec(codec{}))
	s.client = plainClient{protocol.ClientDispatcher(s.conn)}
	s.log = s.cfg.Log.WithOptions(s.teeToEditor())
	if s.cfg.Framing == Lines {
		s.openLines()
	}
	s.conn.Go(context.WithoutCancel(ctx), s.handler())
	select {
	case <-s.conn.Done():
	case <-s.life.Done():
		s.stream.stopReading()
	}
	s.cancelAll()
	s.end()
	if !s.wait(drainTime) {
		err = errors.New("requests did not end in time")
	}
	_ = s.stream.Close()
	<-s.conn.Done()
	return s.exitCode(), errors.Join(err, s.stream.failure())
}

// wait waits for everything the connection started.
func (s *Server) wait(d time.Duration) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.background.Wait()
	}()
	select {
	case <-done:
		return true
	case <-time.After(d):
		return false
	}
}

func (s *Server) exitCode() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stream.failure() != nil:
		return 1
	case s.cfg.Framing == Lines && s.state != stateExited:
		if s.failed.Load() || s.stream.badLines() {
			return 1
		}
		return 0
	case s.state >= stateShutDown && s.orderly():
		return 0
	}
	return 1
}

// onEOF is called when input has ended: scripts get their running requests finished, an editor that is gone needs no
// answers.
func (s *Server) onEOF() {
	if s.cfg.Framing == Lines {
		s.stream.waitAnswered(s.life.Done())
		return
	}
	s.cancelAll()
}

func (s *Server) cancelAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cancel := range s.running {
		cancel()
	}
}
