package container

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// What the run folder may hold at most: an agent can write there.
const (
	maxState    = 64 << 10
	maxSessions = 200
)

var sessionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Sessions reads what the sessions of an instance say of themselves, oldest first. Without a running container
// nothing runs, whatever the files say.
func Sessions(runDir string, running bool) ([]shim.State, error) {
	root, err := os.OpenRoot(runDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	names, err := sessionNames(root)
	if err != nil {
		return nil, err
	}
	var all []shim.State
	for _, name := range names {
		st, ok := readState(root, name)
		if !ok {
			continue
		}
		if !running && st.State == "running" {
			st.State, st.ExitCode, st.Interrupted = "exited", nil, true
		}
		if st.State != "running" {
			st.Attached, st.Waiting = false, false
		}
		all = append(all, st)
	}
	slices.SortStableFunc(all, func(a, b shim.State) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return all, nil
}

func sessionNames(root *os.Root) ([]string, error) {
	entries, err := distrust.ReadDir(context.Background(), root, shim.SessionsDir, maxSessions)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil && !errors.Is(err, distrust.ErrTooMany) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if sessionName.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// SessionTimes calls see with the time of each session's last change of state, and with that of who listens. It reads no content, so that an agent cannot
// make it expensive.
func SessionTimes(runDir string, see func(time.Time)) {
	root, err := os.OpenRoot(runDir)
	if err != nil {
		return
	}
	defer root.Close()
	if fi, err := root.Lstat(shim.ListeningFile); err == nil {
		see(fi.ModTime())
	}
	names, err := sessionNames(root)
	if err != nil {
		return
	}
	for _, name := range names {
		if fi, err := root.Lstat(filepath.Join(shim.SessionsDir, name, shim.StateFile)); err == nil {
			see(fi.ModTime())
		}
	}
}

func readState(root *os.Root, name string) (shim.State, bool) {
	f, err := distrust.Open(root, filepath.Join(shim.SessionsDir, name, shim.StateFile))
	if err != nil {
		return shim.State{}, false
	}
	defer f.Close()
	return decodeState(f, name)
}

// decodeState takes a state only when it is whole and speaks of the session in whose folder it lies.
func decodeState(r io.Reader, name string) (shim.State, bool) {
	var st shim.State
	b, err := io.ReadAll(io.LimitReader(r, maxState))
	if err != nil || json.Unmarshal(b, &st) != nil || st.Name != name || !sound(&st) {
		return shim.State{}, false
	}
	return st, true
}
