package main

import (
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
)

var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func validName(name string) bool { return nameRule.MatchString(name) }

func sessionDir(name string) string { return filepath.Join(runDir, shim.SessionsDir, name) }

func readState(name string) (shim.State, error) {
	var st shim.State
	b, err := os.ReadFile(filepath.Join(sessionDir(name), shim.StateFile))
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal(b, &st)
}

// writeState replaces a session's state in one step, as the host may read it at any moment.
func writeState(st shim.State) error {
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	path := filepath.Join(sessionDir(st.Name), shim.StateFile)
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	handOver(tmp, filepath.Dir(path))
	return os.Rename(tmp, path)
}

// handOver gives file to the owner of dir: PID 1 is root, but what it writes must stay the host user's to delete.
func handOver(file, dir string) {
	var st syscall.Stat_t
	if os.Getuid() == 0 && syscall.Stat(dir, &st) == nil {
		_ = os.Chown(file, int(st.Uid), int(st.Gid))
	}
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
	dropOldest()
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
		if err := os.RemoveAll(sessionDir(name)); err != nil {
			return shim.State{}, err
		}
		if err := os.Mkdir(sessionDir(name), 0o700); err != nil {
			return shim.State{}, err
		}
		now := time.Now().UTC()
		st := shim.State{Name: name, Agent: req.Agent, State: "running", CreatedAt: now, LastUsed: now}
		return st, writeState(st)
	}
	return shim.State{}, errors.New("too many sessions")
}

// lockSessions serializes starts.
func lockSessions() (func(), error) {
	f, err := os.OpenFile(filepath.Join(runDir, shim.SessionsDir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

func dropOldest() {
	var ended []shim.State
	for _, st := range allStates() {
		if st.State == "exited" {
			ended = append(ended, st)
		}
	}
	slices.SortFunc(ended, func(a, b shim.State) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for i := 0; i < len(ended)-maxExited; i++ {
		_ = os.RemoveAll(sessionDir(ended[i].Name))
	}
}

func allStates() []shim.State {
	entries, _ := os.ReadDir(filepath.Join(runDir, shim.SessionsDir))
	var all []shim.State
	for _, e := range entries {
		if st, err := readState(e.Name()); err == nil {
			all = append(all, st)
		}
	}
	return all
}

// markEnded says of sessions that match that they ended in an unknown way.
func markEnded(match func(shim.State) bool) {
	for _, st := range allStates() {
		if st.State != "running" || !match(st) {
			continue
		}
		st.State, st.Attached, st.Waiting, st.EndedAt = "exited", false, false, time.Now().UTC()
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
