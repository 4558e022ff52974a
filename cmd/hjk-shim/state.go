package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/system"
)

var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func validName(name string) bool { return nameRule.MatchString(name) }

// What the run folder may hold at most: an agent can write there.
const (
	maxState    = 64 << 10
	maxSessions = 1000
)

// patience bounds what is done in the run folder at once: PID 1 has to stay awake.
const patience = 5 * time.Second

func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// openSessions holds the folder of sessions. Only the run folder above it is a mount point, and what it is taken for: all below
// it the agent can replace by links at any moment, and PID 1, which is root, reads and writes there.
func openSessions() (*os.Root, error) { return openBelow(runDir, shim.SessionsDir) }

// openSession holds the folder of one session.
func openSession(name string) (*os.Root, error) {
	if !validName(name) {
		return nil, fmt.Errorf("session name %q: use letters, digits, '.', '_' and '-', at most 64", name)
	}
	return openBelow(runDir, filepath.Join(shim.SessionsDir, name))
}

func openBelow(dir, name string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return distrust.OpenDir(root, name)
}

// readState takes a state only when it speaks of the session in whose folder it lies.
func readState(name string) (shim.State, error) {
	dir, err := openSession(name)
	if err != nil {
		return shim.State{}, err
	}
	defer dir.Close()
	var st shim.State
	b, err := distrust.Read(dir, shim.StateFile, maxState)
	if err == nil {
		err = json.Unmarshal(b, &st)
	}
	if err == nil && st.Name != name {
		err = fmt.Errorf("the state of session %s says it is of another", name)
	}
	if err != nil {
		return shim.State{}, err
	}
	return st, nil
}

// writeState replaces a session's state in one step, as the host may read it at any moment. PID 1 is root, but what it writes
// must stay the host user's to delete.
func writeState(st shim.State) error {
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	dir, err := openSession(st.Name)
	if err != nil {
		return err
	}
	defer dir.Close()
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		if uid, gid, err = owner(dir); err != nil {
			return err
		}
	}
	return distrust.WriteFor(dir, shim.StateFile, b, 0o600, uid, gid)
}

// owner is who has a held folder.
func owner(dir *os.Root) (uid, gid int, err error) {
	fi, err := dir.Stat(".")
	if err != nil {
		return 0, 0, err
	}
	st := fi.Sys().(*syscall.Stat_t)
	return int(st.Uid), int(st.Gid), nil
}

// maxExited is how many ended sessions are kept with their logs.
const maxExited = 50

// allocate makes the folder of a new session under a name that no running session has. N starts at once get N names.
func allocate(req shim.Start) (shim.State, error) {
	unlock, err := lockSessions()
	if err != nil {
		return shim.State{}, err
	}
	defer unlock()
	sessions, err := openSessions()
	if err != nil {
		return shim.State{}, err
	}
	defer sessions.Close()
	dropOldest(sessions)
	for i := 1; i < 1000; i++ {
		name := req.Name
		if i > 1 {
			name = fmt.Sprintf("%s-%d", req.Name, i)
		}
		old, err := readState(name)
		if err == nil && old.State == "running" {
			if req.Exact {
				return shim.State{}, &failure{shim.CodeSessionExists, fmt.Sprintf("a session %q runs already", name)}
			}
			continue
		}
		if err := remove(sessions, name); err != nil {
			return shim.State{}, err
		}
		if err := sessions.Mkdir(name, 0o700); err != nil {
			return shim.State{}, err
		}
		now := time.Now().UTC()
		st := shim.State{Name: name, Agent: req.Agent, State: "running", CreatedAt: now, LastUsed: now}
		return st, writeState(st)
	}
	return shim.State{}, errors.New("too many sessions")
}

// remove deletes what a session left.
func remove(sessions *os.Root, name string) error {
	ctx, cancel := soon()
	defer cancel()
	return distrust.RemoveAll(ctx, sessions, name)
}

// lockSessions serializes starts.
func lockSessions() (func(), error) {
	sessions, err := openSessions()
	if err != nil {
		return nil, err
	}
	defer sessions.Close()
	f, err := sessions.OpenFile(".lock", os.O_CREATE|os.O_RDWR|system.NoFollow|system.NonBlock, 0o600)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := system.TryLock(f, true)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, system.ErrLocked) || time.Now().After(end) {
			f.Close()
			return nil, fmt.Errorf("sessions/.lock: %w", err)
		}
	}
}

func dropOldest(sessions *os.Root) {
	var ended []shim.State
	for _, st := range allStates() {
		if st.State == "exited" {
			ended = append(ended, st)
		}
	}
	slices.SortFunc(ended, func(a, b shim.State) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for i := 0; i < len(ended)-maxExited; i++ {
		_ = remove(sessions, ended[i].Name)
	}
}

// allStates are those of the sessions there are, of too many the first.
func allStates() []shim.State {
	sessions, err := openSessions()
	if err != nil {
		return nil
	}
	defer sessions.Close()
	ctx, cancel := soon()
	defer cancel()
	entries, _ := distrust.ReadDir(ctx, sessions, ".", maxSessions)
	var all []shim.State
	for _, e := range entries {
		if st, err := readState(e.Name()); err == nil {
			all = append(all, st)
		}
	}
	return all
}

// markEnded says of sessions that match that they ended in an unknown way, and whether that was because the container did.
func markEnded(interrupted bool, match func(shim.State) bool) {
	for _, st := range allStates() {
		if st.State != "running" || !match(st) {
			continue
		}
		st.State, st.Attached, st.Waiting, st.EndedAt = "exited", false, false, time.Now().UTC()
		st.Interrupted = interrupted
		_ = writeState(st)
	}
}

// failure is an error with a code for the reply.
type failure struct{ code, message string }

func (f *failure) Error() string { return f.message }

func replyOf(st shim.State, err error) shim.Reply {
	var f *failure
	switch {
	case err == nil:
		return shim.Reply{OK: true, State: &st}
	case errors.As(err, &f):
		return shim.Reply{Code: f.code, Message: f.message}
	}
	return shim.Reply{Code: shim.CodeInternal, Message: err.Error()}
}
