package container

import (
	"io"
	"time"
)

// Spec is a container to be created for an instance. It holds no credential: all of it is visible to `docker inspect`.
type Spec struct {
	Name     string            // container name, unique per (repository, branch)
	Image    string            // image id to create from
	Platform string            // "" or os/arch[/variant]
	Labels   map[string]string // beside those Create sets itself
	Repo     string            // absolute path of the repository
	Branch   string            // short name
	Worktree string            // absolute path; mounted at that same path
	Masks    []Mount           // laid over the worktree, such as the read-only .git file
	RunDir   string            // host directory mounted at shim.RunDir; made by the caller
	User     string            // "uid:gid" sessions run as
	Home     string            // absolute path in the container; the named volume HomeVolume is mounted there
	Init     string            // PID 1 when not the helper (label io.headjack.init)
	Env      []string          // KEY=VALUE, no credentials
	Network  string            // "", none or a network's name
	Memory   int64             // bytes, 0 is no limit
	NanoCPUs int64             // 1e9 is one CPU, 0 is no limit
	Pids     int64             // 0 is no limit

	NoNewPrivileges bool     // ignored where the image has its own init or is privileged
	Capabilities    []string // kept beside baseCapabilities
	Ports           []Port   // published on the host's loopback
	Extras
	Flags []Flag // engine flags the user has allowed (labels io.headjack.docker.flags)
}

// Port is a port of a container, and the one of the host's loopback that stands for it.
type Port struct{ Container, Host int }

// Mount is a bind mount of a host path.
type Mount struct {
	Source, Target string
	ReadOnly       bool
}

// Flag is one key=value of io.headjack.docker.flags or io.headjack.podman.flags, as `docker run --key=value`.
type Flag struct{ Key, Value string }

// Container is an instance's container as the engine tells it.
type Container struct {
	ID, Name  string
	Repo      string
	Branch    string
	Worktree  string
	State     string // created, running, paused, restarting, removing, exited, dead
	ExitCode  *int   // when exited
	ImageID   string
	CreatedAt time.Time
	StartedAt time.Time // zero when unknown (List does not ask)
	Labels    map[string]string
	Mounts    []Mount // binds of the host's; only List tells them
}

// Label keys, in the form the OCI recommends.
const (
	LabelRepo        = "io.headjack.repo"
	LabelBranch      = "io.headjack.branch"
	LabelWorktree    = "io.headjack.worktree"
	LabelImageSource = "io.headjack.image-source" // default, reference or dockerfile
	LabelImageRef    = "io.headjack.image-ref"
	LabelDockerfile  = "io.headjack.dockerfile"
	LabelUser        = "io.headjack.user" // uid:gid of sessions
	LabelHome        = "io.headjack.home"
	LabelRunDir      = "io.headjack.run-dir"
	LabelVersion     = "io.headjack.version"
	LabelPorts       = "io.headjack.ports" // HOST:CONTAINER, words
)

// LabelDevcontainer is the devcontainer.json that says the image.
const LabelDevcontainer = "io.headjack.devcontainer"

// Terminal is the viewer's end of an attach.
type Terminal struct {
	In         io.Reader
	Out        io.Writer
	Cols, Rows int
	Resize     <-chan Size // may be nil
	Term       string      // TERM of the viewer, such as xterm-256color

	Clipboard func(bytes int) bool // whether a program may write text to the clipboard; nil is never
}

// Size is a terminal's size in character cells.
type Size struct{ Cols, Rows int }

// EngineInfo says which engine answers.
type EngineInfo struct {
	Host       string // as in DOCKER_HOST
	Name       string // docker or podman
	Version    string
	APIVersion string
	OS, Arch   string   // of the engine: linux, amd64 or arm64
	Rootless   bool     // container root is the host's user
	Remapped   bool     // users in containers are others on the host, unless a container is exempt
	Warnings   []string // its own, of what it is or cannot do
	Source     string   // why this engine: DOCKER_HOST, context NAME, well-known socket, podman system service
}
