package workspace

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// syncState is what was agreed on at the last sync.
type syncState struct {
	Inside    string            `json:"inside"`    // the branch's name in the container
	Base      string            `json:"base"`      // commit both sides were at
	Began     string            `json:"began"`     // the one at which the agent's git directory was made; "" when it is not known
	Mirrored  map[string]string `json:"-"`         // the host's references as the container has been told; in a file of its own
	Published map[string]string `json:"published"` // the agent's own references as the host has them
	Protected []string          `json:"protected"` // submodules' paths that the container has shields for
	Stamp     string            `json:"stamp"`     // of all references as the last sync found them; "" when it cannot be relied on
	Report    Report            `json:"report"`
}

func (p *Private) statePath() string { return filepath.Join(p.dir, "state.json") }

// errDamagedState is a state that nobody wrote so, such as what a crash of the machine leaves.
var errDamagedState = errors.New("the state of the container's git directory is damaged")

// load reads the state, and makes a damaged one anew.
func (p *Private) load(ctx context.Context) (syncState, error) {
	st, err := p.read()
	if errors.Is(err, errDamagedState) || errors.Is(err, fs.ErrNotExist) && p.halfMade() {
		return p.mend(ctx)
	}
	return st, err
}

func (p *Private) read() (syncState, error) {
	var st syncState
	b, err := os.ReadFile(p.statePath())
	if err != nil {
		return st, err
	}
	if json.Unmarshal(b, &st) != nil || st.Inside == "" {
		return syncState{}, errDamagedState
	}
	st.Published = renamed(st.Published, fromJSON)
	return st, nil
}

// notUTF8 begins a reference's name in the state that JSON cannot have as it is. No reference has a colon.
const notUTF8 = "%:"

func toJSON(ref string) string {
	if utf8.ValidString(ref) {
		return ref
	}
	return notUTF8 + url.PathEscape(ref)
}

func fromJSON(ref string) string {
	if escaped, ok := strings.CutPrefix(ref, notUTF8); ok {
		if exact, err := url.PathUnescape(escaped); err == nil {
			return exact
		}
	}
	return ref
}

func renamed(refs map[string]string, name func(string) string) map[string]string {
	all := make(map[string]string, len(refs))
	for ref, id := range refs {
		all[name(ref)] = id
	}
	return all
}

func (p *Private) save(st syncState) error {
	st.Published = renamed(st.Published, toJSON)
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return replaceFile(p.statePath(), b)
}

func (p *Private) mirroredPath() string { return filepath.Join(p.dir, "mirrored") }

// loadMirrored reads what only a sync needs: there may be many references.
func (p *Private) loadMirrored(ctx context.Context, root *os.Root, st *syncState) error {
	b, err := os.ReadFile(p.mirroredPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	st.Mirrored = map[string]string{}
	if !strings.HasPrefix(string(b), packedHeader) {
		return p.mendMirrored(ctx, root, st)
	}
	st.Mirrored = parseMirrored(string(b))
	return nil
}

func parseMirrored(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if id, ref, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok && objectID.MatchString(id) {
			all[ref] = id
		}
	}
	return all
}

func (p *Private) saveMirrored(refs map[string]string) error {
	return replaceFile(p.mirroredPath(), []byte(packed(refs)))
}

// replaceFile writes a file that is whole at any time, also when the machine stops.
func replaceFile(path string, data []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	return os.Rename(tmp, path)
}
