package workspace

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// syncState is what was agreed on at the last sync.
type syncState struct {
	Inside    string            `json:"inside"`    // the branch's name in the container
	Base      string            `json:"base"`      // commit both sides were at
	Mirrored  map[string]string `json:"-"`         // the host's references as the container has been told; in a file of its own
	Published map[string]string `json:"published"` // the agent's own references as the host has them
	Protected []string          `json:"protected"` // submodules' paths that the container has shields for
	Stamp     string            `json:"stamp"`     // of all references as the last sync found them; "" when it cannot be relied on
	Report    Report            `json:"report"`
}

func (p *Private) statePath() string { return filepath.Join(p.dir, "state.json") }

func (p *Private) load() (syncState, error) {
	var st syncState
	b, err := os.ReadFile(p.statePath())
	if err == nil {
		err = json.Unmarshal(b, &st)
	}
	return st, err
}

func (p *Private) save(st syncState) error {
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return replaceFile(p.statePath(), b)
}

func (p *Private) mirroredPath() string { return filepath.Join(p.dir, "mirrored") }

// loadMirrored reads what only a sync needs: there may be many references.
func (p *Private) loadMirrored() (map[string]string, error) {
	b, err := os.ReadFile(p.mirroredPath())
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if id, ref, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok && id != "#" {
			refs[ref] = id
		}
	}
	return refs, nil
}

func (p *Private) saveMirrored(refs map[string]string) error {
	return replaceFile(p.mirroredPath(), []byte(packed(refs)))
}

func replaceFile(path string, data []byte) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
