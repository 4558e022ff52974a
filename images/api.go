package images

import (
	"context"
	"time"

	bkclient "github.com/moby/buildkit/client"

	"github.com/gilmanlab/hjk-ls/images/dockerfile"
)

// Kind is where an image comes from.
type Kind string

// The kinds of Source.
const (
	KindDefault    Kind = "default"
	KindReference  Kind = "reference"
	KindDockerfile Kind = "dockerfile"
)

// Default is the image of an instance that names none and has no Dockerfile; variants are its other tags.
const (
	DefaultRepository = "ghcr.io/gilmanlab/headjack"
	Default           = DefaultRepository + ":base"
)

// Source is an image before it is pulled or built.
type Source struct {
	Kind       Kind
	Ref        string // normalized reference (KindDefault, KindReference)
	Dockerfile string // absolute path (KindDockerfile)
	Context    string // absolute path of the build context
	Tree       string // the worktree both lie in, to which an agent can write, or the devcontainer.json; "" where they are the user's own

	Devcontainer string // absolute path of the devcontainer.json that says so; "" where none does
	Passed       string // the one that was passed over, as it says no image
	Target       string // the stage that it names (KindDockerfile)
	Args         string // its build arguments, a JSON object with sorted keys, so that sources can be compared
}

// BuildOptions are what a build takes beside its Source.
type BuildOptions struct {
	Target   string
	Args     map[string]string
	Secrets  []Secret
	SSH      []string // as docker build --ssh: "default" or "id=path"
	Platform string
	NoCache  bool
	Pull     bool   // ask the registry for newer base images
	Tag      string // name given to the result; the caller derives it from the instance
	Labels   map[string]string

	// Caches keeps the cache mounts of one repository apart from those of others.
	Caches string
	// Guard is called with the Dockerfile that is being built. nil, or an answer of nil, is a build that the user asked for.
	Guard func(text []byte) *Guard
	// Given is what steps may mount as secrets by these ids though it is none, also in a build that nobody asked for. A secret of the
	// user's goes first.
	Given map[string][]byte
	// Base may refuse an image that is built on or copied from.
	Base func(ctx context.Context, ref string) error
}

// Secret is a build secret: the value of Env, or the content of File.
type Secret struct{ ID, Env, File string }

// Policy is when a reference is pulled.
type Policy string

// The policies.
const (
	PullMissing Policy = "missing"
	PullAlways  Policy = "always"
	PullNever   Policy = "never"
)

// Progress receives what a build or a pull does, as BuildKit's client tells it: pulls are told as vertexes too, so that
// one display serves both. It is called from one goroutine and must not block. A nil Progress is allowed.
type Progress func(*bkclient.SolveStatus)

// Image is an image the engine holds.
type Image struct {
	Source     Source
	Ref        string // reference or tag it can be named by
	ID         string // sha256:… , the engine's image id
	RepoDigest string // name@sha256:…, when it came from a registry
	OS, Arch   string
	User       string
	WorkingDir string
	Env        []string
	Entrypoint []string
	Cmd        []string
	StopSignal string
	Labels     map[string]string
	Created    time.Time
	Size       int64
	Pulled     bool // by the call that gave it: the engine had another, or none
}

// BuildResult is what a build did.
type BuildResult struct {
	Image       Image
	Steps       int // instructions solved, without internal steps
	CachedSteps int
	Duration    time.Duration
	Warnings    []Warning
	Facts       []Step // by line; of a classic builder, which tells too little, none

	text dockerfile.File
}

// Warning is a build check's finding. Lines count from 1.
type Warning struct {
	Rule, Message, URL string
	StartLine, EndLine int
}
