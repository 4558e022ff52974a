package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// ErrNoGit means that there is no git on PATH.
var ErrNoGit = errors.New("git is not installed or not on PATH; install git 2.36 or later")

// GitError is a git command that failed.
type GitError struct {
	Args     []string
	ExitCode int
	Stderr   string
}

func (e *GitError) Error() string {
	msg := strings.TrimSpace(e.Stderr)
	if msg == "" {
		msg = fmt.Sprintf("exit status %d", e.ExitCode)
	}
	return "git " + verb(e.Args) + ": " + msg
}

// verb is the subcommand among args, past the -C and -c pairs.
func verb(args []string) string {
	for i := 0; i < len(args); i++ {
		if args[i] == "-C" || args[i] == "-c" {
			i++
			continue
		}
		return args[i]
	}
	return ""
}

// safe keeps git from running what an agent may have planted in a worktree, and from leaving a process behind.
var safe = []string{
	"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
	"-c", "submodule.recurse=false", "-c", "protocol.ext.allow=never",
}

// git runs git in dir and returns its standard output. It never asks a question, reads no configuration through the
// caller's GIT_* variables, and is ended with its children when ctx is.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	return gitWith(ctx, call{dir: dir}, args...)
}

// lockPatience is how long a lock of another git is waited for: one that a killed process started ends soon.
const lockPatience = 2 * time.Second

// gitPatient is gitWith, again while another holds a lock that it needs.
func gitPatient(ctx context.Context, c call, args ...string) (string, error) {
	for end := time.Now().Add(lockPatience); ; time.Sleep(20 * time.Millisecond) {
		out, err := gitWith(ctx, c, args...)
		if !isLocked(err) || time.Now().After(end) || ctx.Err() != nil {
			return out, err
		}
	}
}

// isLocked reports whether git met another's lock.
func isLocked(err error) bool {
	var ge *GitError
	return errors.As(err, &ge) && strings.Contains(ge.Stderr, ".lock': File exists")
}

// stays reports whether a lock is there, and still is when it has been waited for.
func stays(ctx context.Context, lock string) bool {
	for end := time.Now().Add(lockPatience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Lstat(lock); err != nil {
			return false
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return true
		}
	}
}

// call is where and how git is run.
type call struct {
	dir     string
	stdin   string
	env     []string // beside gitEnv
	tree    bool     // git reads all of a worktree: it is looked at before
	fetches bool     // filters may fetch what a checkout needs: it may take long
	foreign bool     // git reads objects of an agent's: its memory is bounded
	asks    asking   // whom what git starts may ask
	told    *string  // gets what git said on standard error, also when it did not fail
}

// foreignMemory bounds the memory of a git that reads what an agent wrote: one object can claim any size. A fetch of a million
// objects needs less than half of it.
const foreignMemory = 1 << 30

// anyMemory bounds that of every git: an agent can write a .gitignore of any size, and a version of git before 2.45 reads it whole.
const anyMemory = 4 << 30

// command is git with args, ready to be started.
func (c call) command(ctx context.Context, args []string) (cmd *exec.Cmd, full []string) {
	full = append(append([]string{"-C", c.dir}, safe...), args...)
	cmd = exec.CommandContext(ctx, "git", full...)
	cmd.Env = append(gitEnv(os.Environ()), c.env...)
	if c.stdin != "" {
		cmd.Stdin = strings.NewReader(c.stdin)
	}
	system.Inherit(cmd, inherited(ctx)...)
	c.asks.group(cmd)
	cmd.WaitDelay = time.Second
	return cmd, full
}

// start starts a command of c.
func (c call) start(cmd *exec.Cmd) error {
	err := cmd.Start()
	if err == nil {
		memory := uint64(anyMemory)
		if c.foreign {
			memory = foreignMemory
		}
		system.LimitMemory(cmd, memory)
	}
	return err
}

// run starts a command of c and waits for its end.
func (c call) run(ctx context.Context, cmd *exec.Cmd) error {
	err := c.start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if ctx.Err() != nil {
		system.KillGroup(cmd) // a filter that does not care for SIGTERM
	}
	return err
}

func gitWith(ctx context.Context, c call, args ...string) (string, error) {
	out, more, err := gitHead(ctx, c, maxOutput, args...)
	if more {
		return "", fmt.Errorf("git %s: %w", verb(args), errTooLong)
	}
	return out, err
}

// gitEnded is the output of a git that has ended, or why there is none.
func gitEnded(ctx context.Context, err error, full []string, out, stderr string) (string, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return "", ErrNoGit
	case errors.As(err, &exit):
		return out, &GitError{Args: full, ExitCode: exit.ExitCode(), Stderr: stderr}
	}
	return "", fmt.Errorf("git %s: %w", verb(full), err)
}

// gitEnv drops what would point git at another repository: hjk-ls may be started by a git hook or alias.
func gitEnv(env []string) []string {
	out := make([]string, 0, len(env)+3)
	for _, kv := range env {
		key, _, _ := strings.Cut(kv, "=")
		switch key {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
			"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_CEILING_DIRECTORIES", "GIT_ATTR_SOURCE":
			continue
		}
		out = append(out, kv)
	}
	return append(out, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0")
}

// lines splits NUL-separated output.
func nul(out string) []string {
	out = strings.TrimSuffix(out, "\x00")
	if out == "" {
		return nil
	}
	return strings.Split(out, "\x00")
}

func exitCode(err error) int {
	var ge *GitError
	if errors.As(err, &ge) {
		return ge.ExitCode
	}
	return -1
}
