package agents

import (
	"context"
	"encoding/json"
	"io"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/internal/credentials"
	"github.com/gilmanlab/hjk-ls/server/builds"
)

// Options are what a Manager is made of. Only cmd/ reads the process's environment; it arrives here.
type Options struct {
	Log         *zap.Logger
	Getenv      func(string) string // the host's environment
	Home        string              // the user's home directory
	StateDir    string              // such as ~/.local/state/headjack
	ConfigFile  string              // the user's config.yaml; it need not exist
	Executable  string              // absolute path of hjk-ls, for the command line attach returns
	Version     string
	Credentials credentials.Store
	EngineHost  string // as in DOCKER_HOST; "" finds one
	UID, GID    int    // of the host's user: sessions run as it
}

// Manager runs the life cycle of agent containers, one per branch. It keeps no record of its own: the engine and git
// are asked each time, so several Managers, in one process or in many, work on the same instances.
//
// All methods may be called concurrently. Operations on one instance take turns, across processes, by a file lock;
// instances go side by side, bounded by the engine connection's own limit.
type Manager struct {
	opts Options
	log  *zap.Logger

	mu        sync.Mutex // guards what follows
	folders   []string
	editor    json.RawMessage
	folder    json.RawMessage // the editor's settings that are from a file of the folder
	surveyed  []Instance      // what the last survey of Watch saw
	checkouts []checkout
	followed  []builds.Unit // what FollowBuilds follows
	inEditor  []string      // Dockerfiles that the editor has open

	engines engines
	changed broadcast // something was done that a survey may see
	found   broadcast // a survey saw something new
	edited  broadcast // other Dockerfiles are open
	swept   sync.Once

	forwards forwards

	records    *builds.Store
	untrusted  atomic.Bool      // the editor does not trust its folders
	ownBuilds  sync.Map         // ids of this process's builds
	saves      chan string      // files that the editor saved
	savedTexts sync.Map         // by path: the text of a document as the editor saved it last
	asked      chan builds.Unit // units that were built because somebody asked
}

// New makes a Manager. It does no I/O: the first operation that needs the engine connects.
func New(o Options) *Manager {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	m := &Manager{opts: o, log: o.Log, saves: make(chan string, 64), asked: make(chan builds.Unit, 16), records: openStore(o.StateDir)}
	m.engines.init(m)
	return m
}

// SetFolders tells which folders the editor has open. Paths are absolute.
func (m *Manager) SetFolders(paths []string) {
	m.mu.Lock()
	m.folders = append([]string(nil), paths...)
	m.mu.Unlock()
	m.changed.kick()
}

// Close ends the engine connection and everything started for it.
func (m *Manager) Close() error {
	m.forwards.close()
	return m.engines.close()
}

// AttachOutcome is how an attached terminal came back to its user.
type AttachOutcome struct {
	container.AttachResult
	ExitCode *int // of the session's program, when it ended and its status is known
	Branch   string
	Session  Session
}

// ConfigResult is every setting and where it came from.
type ConfigResult struct {
	Values []ConfigValue `json:"values"`
	Denied []ConfigAsk   `json:"denied"`
}

// ConfigAsk is what the repository's file asks for and the user has not agreed to.
type ConfigAsk struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Own   string `json:"own,omitempty"` // what holds instead
}

// ConfigValue is one setting.
type ConfigValue struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Source string `json:"source"` // default, user, repository, editor or folder
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
}

var (
	_ = container.Terminal{}
	_ io.Writer
	_ context.Context
)
