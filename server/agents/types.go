package agents

import (
	"time"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// Instance is one (repository, branch) with its worktree, container and sessions, as docs/protocol.md describes it.
type Instance struct {
	Repo         string        `json:"repo"`
	Branch       string        `json:"branch"`
	Worktree     string        `json:"worktree,omitempty"`
	OwnsWorktree bool          `json:"ownsWorktree"`
	State        State         `json:"state"`
	Image        InstanceImage `json:"image"`
	Container    *Container    `json:"container,omitempty"`
	Sessions     []Session     `json:"sessions"`
	Setup        string        `json:"setup,omitempty"` // due, running or failed; absent where it has ended well, or there is none
	Git          *Git          `json:"git,omitempty"`
	Ports        []HostPort    `json:"ports,omitempty"` // published
	Listening    []ListenPort  `json:"listening,omitempty"`
	Forwarded    []HostPort    `json:"forwarded,omitempty"` // by this server
	CreatedAt    time.Time     `json:"createdAt,omitzero"`

	place place // where it is written down
}

// State is an instance's state.
type State string

// The states.
const (
	StateCreating State = "creating"
	StateBuilding State = "building"
	StateRunning  State = "running"
	StateStopped  State = "stopped"
	StateFailed   State = "failed"
	StateUnknown  State = "unknown" // the engine does not answer
)

// InstanceImage is the image an instance runs.
type InstanceImage struct {
	Source       string `json:"source,omitempty"` // default, reference or dockerfile
	Ref          string `json:"ref,omitempty"`
	ID           string `json:"id,omitempty"`
	Dockerfile   string `json:"dockerfile,omitempty"`
	Devcontainer string `json:"devcontainer,omitempty"` // the devcontainer.json that says so
	Stale        bool   `json:"stale"`
}

// Container is an instance's container.
type Container struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	State     string    `json:"state"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	ExitCode  *int      `json:"exitCode,omitempty"`
}

// Session is one terminal program of an instance.
type Session struct {
	Name      string    `json:"name"`
	Agent     string    `json:"agent"`
	State     string    `json:"state"` // running or exited
	ExitCode  *int      `json:"exitCode,omitempty"`
	Attached  bool      `json:"attached"`
	CreatedAt time.Time `json:"createdAt"`
	LastUsed  time.Time `json:"lastUsed"`
	Waiting   bool      `json:"waiting"`
	ComesBack bool      `json:"comesBack,omitempty"` // its container ended under it: run, or start, has it go on

	interrupted bool // what it says of itself, which is the agent's to write

	WaitingSince time.Time `json:"waitingSince,omitzero"` // it does without a break
	LastLine     string    `json:"lastLine,omitempty"`    // that it said something in; only where list is asked for it
}

// The argument objects of the hjk-ls.* commands. Workspace chooses among several repositories: an absolute path or a
// file: URI in the one that is meant; absent, the only one, or the one that has an instance of Branch.

// RunArgs is the argument object of hjk-ls.run.
type RunArgs struct {
	Workspace       string            `json:"workspace,omitempty"`
	Branch          string            `json:"branch"` // "" with a prompt: one is named after that
	From            string            `json:"from,omitempty"`
	Image           string            `json:"image,omitempty"`
	Agent           string            `json:"agent,omitempty"`
	Prompt          string            `json:"prompt,omitempty"`
	PR              int               `json:"pr,omitempty"` // in the place of branch: that of a pull request
	Session         string            `json:"session,omitempty"`
	Fresh           bool              `json:"fresh,omitempty"` // bring nothing back that ran before
	Env             map[string]string `json:"env,omitempty"`
	Attach          bool              `json:"attach,omitempty"`
	Here            bool              `json:"here,omitempty"` // also in a checkout that hjk-ls did not make
	AllowPrivileges bool              `json:"allowPrivileges,omitempty"`
	NoSetup         bool              `json:"noSetup,omitempty"` // go past a setup that has not ended well
}

// RunResult is the result of hjk-ls.run.
type RunResult struct {
	Instance Instance `json:"instance"`
	Session  Session  `json:"session"`
	Resumed  []string `json:"resumed,omitempty"`  // sessions that were brought back; session is the one of them that was used last
	Warnings []string `json:"warnings,omitempty"` // what is otherwise in a container that was started than on the host, and what to do; the engine's of one that was made
}

// SessionArgs is the argument object of hjk-ls.attach and hjk-ls.kill.
type SessionArgs struct {
	Workspace string `json:"workspace,omitempty"`
	Branch    string `json:"branch,omitempty"`
	Session   string `json:"session,omitempty"`
}

// AttachResult is the command line that attaches a terminal to a session.
type AttachResult struct {
	Branch  string   `json:"branch"`
	Session string   `json:"session"`
	Argv    []string `json:"argv"`
	Cwd     string   `json:"cwd"`
}

// BranchArgs is the argument object of hjk-ls.stop.
type BranchArgs struct {
	Workspace string `json:"workspace,omitempty"`
	Branch    string `json:"branch"`
}

// RecreateArgs is the argument object of hjk-ls.recreate.
type RecreateArgs struct {
	Workspace       string `json:"workspace,omitempty"`
	Branch          string `json:"branch"`
	Image           string `json:"image,omitempty"`
	AllowPrivileges bool   `json:"allowPrivileges,omitempty"`
	Force           bool   `json:"force,omitempty"` // also when work in the old container would be lost
	NoSetup         bool   `json:"noSetup,omitempty"`
}

// RemoveArgs is the argument object of hjk-ls.remove.
type RemoveArgs struct {
	Workspace    string `json:"workspace,omitempty"`
	Branch       string `json:"branch"`
	Force        bool   `json:"force,omitempty"`
	DeleteBranch bool   `json:"deleteBranch,omitempty"`
	DryRun       bool   `json:"dryRun,omitempty"` // only tell what would be lost
}

// InstanceResult is the result of the commands that change an instance.
type InstanceResult struct {
	Instance Instance `json:"instance"`
	Warnings []string `json:"warnings,omitempty"` // of recreate: the engine's of the new container, sessions that did not come back, and why
}

// RemoveResult is the result of hjk-ls.remove.
type RemoveResult struct {
	Removed bool        `json:"removed"`
	Lost    string      `json:"lost,omitempty"`    // of a dry run: the work that would be lost, for a person
	Branch  *BranchFate `json:"branch,omitempty"`  // absent where there is none
	Ignored []string    `json:"ignored,omitempty"` // ignored files and folders that went with the worktree, the first hundred

	Teardown string `json:"teardown,omitempty"` // why it has not ended well

	Kept      []GitRef `json:"kept,omitempty"`      // what only git in the container knew, and where the host has it for some time
	MoreKept  int      `json:"moreKept,omitempty"`  // those that an editor is not told, as there are too many
	KeptUntil string   `json:"keptUntil,omitempty"` // the day until which it has
	NotKept   string   `json:"notKept,omitempty"`   // why something of it could not be kept
}

// ListArgs is the argument object of hjk-ls.list.
type ListArgs struct {
	Workspace string `json:"workspace,omitempty"`
	All       bool   `json:"all,omitempty"`
	LastLines bool   `json:"lastLines,omitempty"` // with what each session said last
}

// ListResult is the result of hjk-ls.list.
type ListResult struct {
	Instances []Instance `json:"instances"`
}

// LogsArgs is the argument object of hjk-ls.logs.
type LogsArgs struct {
	Workspace string `json:"workspace,omitempty"`
	Branch    string `json:"branch"`
	Session   string `json:"session,omitempty"`
	Tail      *int   `json:"tail,omitempty"` // lines, default 100; 0 is none, negative is all
}

// LogsResult is the result of hjk-ls.logs.
type LogsResult struct {
	Text      string `json:"text"`
	Truncated bool   `json:"truncated,omitempty"` // there was more before it
}

// Fit cuts the text to what takes budget bytes in JSON.
func (r LogsResult) Fit(budget int) any {
	r.Text, r.Truncated = plain.Tail(r.Text, budget)
	return r
}

// BuildArgs is the argument object of hjk-ls.build.
type BuildArgs struct {
	Workspace  string `json:"workspace,omitempty"`
	Dockerfile string `json:"dockerfile,omitempty"`
	Target     string `json:"target,omitempty"`
	NoCache    bool   `json:"noCache,omitempty"`
	Pull       bool   `json:"pull,omitempty"`

	AllowPrivileges bool `json:"allowPrivileges,omitempty"`
}

// BuildResult is the result of hjk-ls.build.
type BuildResult struct {
	Image       string `json:"image"` // id
	Dockerfile  string `json:"dockerfile"`
	DurationMS  int64  `json:"durationMs"`
	Steps       int    `json:"steps"`
	CachedSteps int    `json:"cachedSteps"`
}

// BuildLogArgs is the argument object of hjk-ls.buildLog.
type BuildLogArgs struct {
	Workspace  string `json:"workspace,omitempty"`
	Dockerfile string `json:"dockerfile,omitempty"`
	Target     string `json:"target,omitempty"`
	Tail       *int   `json:"tail,omitempty"` // lines; default, and negative, is all
	Show       bool   `json:"show,omitempty"` // in the editor, where it can show a document
}

// BuildLogResult is the result of hjk-ls.buildLog.
type BuildLogResult struct {
	Text      string `json:"text"`
	Truncated bool   `json:"truncated,omitempty"` // there was more before it
	Path      string `json:"path"`                // of the log; those of the builds before have .1 to .4 behind
	State     string `json:"state"`               // of the build: running, succeeded, failed or canceled
}

// Fit cuts the text to what takes budget bytes in JSON.
func (r BuildLogResult) Fit(budget int) any {
	r.Text, r.Truncated = plain.Tail(r.Text, budget)
	return r
}

// ImagesArgs is the argument object of hjk-ls.images.
type ImagesArgs struct {
	Offline bool `json:"offline,omitempty"` // ask no registry whether it has a newer image
}

// ImagesResult is the result of hjk-ls.images.
type ImagesResult struct {
	Images []StockedImage `json:"images"` // the newest first
	Caches []CacheInfo    `json:"caches"`
}

// StockedImage is an image in the engine that instances use, or that hjk-ls brought there.
type StockedImage struct {
	ID          string      `json:"id"`
	Names       []string    `json:"names"`            // tags, and name@sha256:… of repositories without one
	Source      string      `json:"source,omitempty"` // default, reference or dockerfile
	Ref         string      `json:"ref,omitempty"`    // that its instances were made from
	Dockerfile  string      `json:"dockerfile,omitempty"`
	SizeBytes   int64       `json:"sizeBytes"` // with layers that it shares with other images
	CreatedAt   time.Time   `json:"createdAt"`
	Instances   []ImageUser `json:"instances"`
	Unused      bool        `json:"unused"`          // prune would remove it
	Newer       *bool       `json:"newer,omitempty"` // absent: not known, and newerDetail says why
	NewerDetail string      `json:"newerDetail,omitempty"`
}

// ImageUser is an instance that uses an image.
type ImageUser struct {
	Repo   string `json:"repo"`
	Branch string `json:"branch"`
	Stale  bool   `json:"stale"`
}

// PruneArgs is the argument object of hjk-ls.prune.
type PruneArgs struct {
	DryRun bool `json:"dryRun,omitempty"` // only tell what would be removed
	Caches bool `json:"caches,omitempty"` // also those caches of repositories with instances that no container has
}

// PruneResult is the result of hjk-ls.prune.
type PruneResult struct {
	Images    []StockedImage `json:"images"`    // that were removed, or would be
	SizeBytes int64          `json:"sizeBytes"` // of them together; layers that others share stay
	Caches    []CacheInfo    `json:"caches"`
	DryRun    bool           `json:"dryRun"`
}

// DoctorArgs is the argument object of hjk-ls.doctor.
type DoctorArgs struct {
	Workspace string `json:"workspace,omitempty"`
}

// Check is one finding of doctor.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// DoctorResult is the result of hjk-ls.doctor.
type DoctorResult struct {
	Checks []Check `json:"checks"`
}

// BuildEvent is what hjk/build tells of a build.
type BuildEvent struct {
	URI        string `json:"uri"` // of the Dockerfile
	Branch     string `json:"branch,omitempty"`
	State      string `json:"state"` // running, succeeded, failed or canceled
	Image      string `json:"image,omitempty"`
	DurationMS int64  `json:"durationMs,omitempty"`
	Error      string `json:"error,omitempty"`
}

// Feedback is how a long operation tells of itself while it runs. Every field may be nil; none may block for long.
type Feedback struct {
	Step  func(message string) // "creating worktree", "starting container", … one line, for a human
	Solve images.Progress      // builds and pulls in detail
	Build func(BuildEvent)     // hjk/build
	// Output is a line that the setup wrote, as its terminal showed it.
	Output func(line string)

	Terminal bool // git, and what it starts, may ask at the terminal of this process
	// Consent asks whether what (an image, a file, an agent) may have what it asks for. It is nil where nobody can be asked.
	Consent func(what string, flags []string) Answer
	// Where asks where an agent is to work whose branch is checked out in the user's own checkout. It is nil where nobody can be asked.
	Where func(OwnCheckout) Where
}

// Answer is what the user says to a question. Only Allowed allows, and only Refused is remembered as a "no".
type Answer int

// The answers.
const (
	Unanswered Answer = iota // in time, or the question was put away
	Refused
	Allowed
)

// ask asks for consent, if somebody can be asked.
func (f Feedback) ask(what string, flags []string) Answer {
	if f.Consent == nil {
		return Unanswered
	}
	return f.Consent(what, flags)
}

// where asks where to work, if somebody can be asked.
func (f Feedback) where(q OwnCheckout) Where {
	if f.Where == nil {
		return Nowhere
	}
	return f.Where(q)
}
