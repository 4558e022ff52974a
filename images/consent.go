package images

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Consent remembers what the user has allowed, and to what: power to an image id, settings to a repository's file, credentials
// to an agent's command in an image. Only exactly what was asked then is allowed: who asks for more is asked about again.
type Consent struct{ path string }

// consentMu makes changes by this process one at a time; between processes the last one wins, at worst with one
// question asked twice.
var consentMu sync.Mutex

// OpenConsent uses the file at path, which need not exist.
func OpenConsent(path string) *Consent { return &Consent{path} }

// Allowed reports whether exactly power was allowed for id.
func (c *Consent) Allowed(id string, power []string) bool {
	all, err := c.read()
	return err == nil && slices.Equal(all[id], sorted(power)) && len(power) > 0
}

// Has reports whether one thing is among what was allowed for id.
func (c *Consent) Has(id, what string) bool {
	all, err := c.read()
	return err == nil && slices.Contains(all[id], what)
}

// Add remembers that more is allowed for id.
func (c *Consent) Add(id string, more []string) error {
	return c.change(id, func(was []string) []string { return slices.Compact(sorted(append(was, more...))) })
}

// Allow remembers that power is allowed for id, and nothing else.
func (c *Consent) Allow(id string, power []string) error {
	return c.change(id, func([]string) []string { return sorted(power) })
}

func (c *Consent) change(id string, to func(was []string) []string) error {
	consentMu.Lock()
	defer consentMu.Unlock()
	all, err := c.read()
	if err != nil { // unreadable: kept aside, as it may be of use to the user
		if err := os.Rename(c.path, c.path+".damaged"); err != nil {
			return err
		}
		all = map[string][]string{}
	}
	all[id] = to(all[id])
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(c.path), ".consent-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), c.path)
}

func (c *Consent) read() (map[string][]string, error) {
	all := map[string][]string{}
	b, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(b, &all)
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}
