// Package shim is what hjk-ls and the helper inside a container say to each other.
//
// The helper (cmd/hjk-shim) is one static binary, mounted read-only at [Path] in every container. As PID 1 it reaps
// and forwards signals ("init"); as a command it starts, attaches to and kills sessions ("session …"). Requests come as
// one JSON line on its standard input, so that neither a command line nor the engine's record of the exec ever holds a
// credential; the answer is one JSON line on standard output.
//
// Session state lives in [RunDir], a directory of the instance shared with the host: the host reads it without asking
// the engine, and must treat every byte of it as written by the agent.
package shim

import "time"

// Paths inside the container. They are outside /run, /tmp and /var because an init system may mount over those.
const (
	BinDir   = "/.headjack/bin"
	Path     = BinDir + "/hjk-shim"        // the helper
	RunDir   = "/.headjack/run"            // session state and logs, shared with the host
	OwnDir   = "/.headjack/own"            // what "own" gives to a user, in a container for this alone
	HomeDir  = "/.headjack/home"           // a home that "links" looks into
	SSHAgent = "/.headjack/ssh-agent.sock" // the host's ssh agent, where the user allows it
	SockDir  = "/.headjack/sock"           // a tmpfs, mode 1777: sockets do not cross a virtual machine's shared folder

	CertificatesDir = "/.headjack/certificates"     // the user's certificate authorities, where there are some
	Bundle          = SockDir + "/certificates.pem" // the image's and the user's, made by PID 1
)

// Names below CertificatesDir.
const (
	ExtraFile  = "extra.pem"  // the user's
	SystemFile = "system.pem" // those of the host's system, for images that have none
)

// SystemCertificates are where systems have the certificate authorities that they trust, as one file: Debian and Alpine, Fedora, SUSE,
// older Fedora, and what is a link to one of them elsewhere, or macOS's own.
var SystemCertificates = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
}

// Variables of a session that may push and fetch with a token; "credential get" answers git from them.
const (
	TokenEnv = "HJK_GIT_TOKEN"
	HostsEnv = "HJK_GIT_HOSTS" // space-separated, with ports
)

// Names of what a session leaves under RunDir/sessions/NAME.
const (
	SessionsDir = "sessions"
	StateFile   = "state.json" // one State, replaced atomically
	LogFile     = "log"        // raw terminal output, the newest bytes of it; CSI 8 ; ROWS ; COLS t tells the terminal's size
	OldLogFile  = "log.1"      // what rotation moved out of LogFile
)

// ListeningFile lies in RunDir and has the ports that are listened on in the container, a list of Listener.
const ListeningFile = "listening.json"

// MaxListeners is how many of them are told at most.
const MaxListeners = 64

// Listener is a port that something listens on.
type Listener struct {
	Port     int  `json:"port"`
	Loopback bool `json:"loopback,omitempty"` // on the container's loopback alone
}

// MaxLogBytes is the size at which LogFile is rotated to OldLogFile; a session keeps at most twice as much.
const MaxLogBytes = 8 << 20

// Kind is how a session's terminal is held.
type Kind string

// The kinds of session.
const (
	KindPTY  Kind = "pty"  // a terminal held by the helper itself
	KindTmux Kind = "tmux" // a tmux session, as helpers of before had them: a container keeps the helper it was made with
)

// Start asks for a session. It is the request of "session start", and of "init" for the first session.
type Start struct {
	Name  string   `json:"name"`            // wanted name; when it is taken by a running session, NAME-2, NAME-3, …
	Exact bool     `json:"exact,omitempty"` // fail with CodeSessionExists instead of choosing another name
	Agent string   `json:"agent"`           // what the session says it runs
	Argv  []string `json:"argv"`            // looked up in PATH of Env
	// Env is KEY=VALUE, laid over the container's own environment; it may hold credentials.
	Env []string `json:"env,omitempty"`
	// Host is the host's TZ and LANG, taken where the container has them and says nothing else.
	Host []string `json:"host,omitempty"`
	Dir  string   `json:"dir"`
	// Files are written below Home before Argv starts, each where there is none yet.
	Files []File `json:"files,omitempty"`
	User  string `json:"user,omitempty"` // "uid:gid"; set by init, which is root; exec requests carry the engine's user
	Home  string `json:"home,omitempty"`
	Cols  int    `json:"cols,omitempty"` // default 120
	Rows  int    `json:"rows,omitempty"` // default 40
	// Mounts are what the container must have mounted; nothing is started while one is something else.
	Mounts []Mount `json:"mounts,omitempty"`
}

// Mount is a bind mount by what the host found at its source: the same file has the same numbers in the container.
type Mount struct {
	Target string `json:"target"`
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
	// Below is a folder from which on no link leads to Target: a mount that is reached by a link shields the link's place from
	// nobody. "" is where links are the image's own business.
	Below string `json:"below,omitempty"`
}

// File is a small file of a home.
type File struct {
	Path string `json:"path"` // relative, inside the home
	Text string `json:"text"`
}

// Codes of Reply.Code.
const (
	CodeAgentMissing  = "agent_missing"  // Argv[0] is not an executable in the image
	CodeUnrunnable    = "unrunnable"     // Argv[0] is a program the kernel does not run
	CodeSessionExists = "session_exists" // Exact, and a running session has the name
	CodeNoSession     = "session_not_found"
	CodeSessionEnded  = "session_ended"
	CodeBadRequest    = "bad_request"
	CodeMounts        = "mounts" // the container does not have mounted what it should
	CodeInternal      = "internal"
)

// Reply answers every request, as one line.
type Reply struct {
	OK      bool   `json:"ok"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	State   *State `json:"state,omitempty"`
	Pasted  bool   `json:"pasted,omitempty"` // of "session send": in brackets, so that the program has it as one text
}

// State is what is known of a session.
type State struct {
	Name      string    `json:"name"`
	Agent     string    `json:"agent"`
	Kind      Kind      `json:"kind"`
	State     string    `json:"state"`              // "running" or "exited"
	ExitCode  *int      `json:"exitCode,omitempty"` // 128+n when signal n ended it; absent when it was never learned
	CreatedAt time.Time `json:"createdAt"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
	LastUsed  time.Time `json:"lastUsed"` // last attach, else creation
	Attached  bool      `json:"attached"`
	Waiting   bool      `json:"waiting"` // it reads its terminal and nobody has answered yet
	PID       int       `json:"pid"`     // of the holder, in the container
	// Interrupted is that it ended because its container did, not by itself and not by "session kill".
	Interrupted bool `json:"interrupted,omitempty"`

	WaitingSince time.Time `json:"waitingSince,omitzero"` // it does without a break
}

// Exit codes of "session attach".
const (
	ExitDetached  = 0   // the viewer detached
	ExitEnded     = 120 // the session's program ended
	ExitNoSession = 121 // there is no such session that runs
	ExitReplaced  = 122 // another viewer attached
	ExitStopped   = 123 // the session's program ended as the container was stopped
	ExitKilled    = 124 // "session kill" ended the session's program
	ExitStarved   = 119 // the kernel killed it for want of memory
)

// How long "session attach" keeps the first of two keys that may detach from the program: Ctrl-b d is typed one after the other, Ctrl-p
// Ctrl-q in one go.
const (
	KeepCtrlB = time.Second
	KeepCtrlP = 500 * time.Millisecond
)
