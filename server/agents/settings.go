package agents

import (
	"context"
	"encoding/json"
	"path/filepath"

	"github.com/gilmanlab/hjk-ls/workspace"
)

// repoConfigFile is the repository's own configuration.
const repoConfigFile = ".headjack.yaml"

// SetSettings takes the editor's settings: the object under "headjack", with the keys of .headjack.yaml, and those that are from
// a file of the folder under "folder". Settings that are not understood are refused whole, and those before them stay.
func (m *Manager) SetSettings(raw json.RawMessage) error {
	own, folder := split(raw)
	if _, _, err := workspace.LoadConfig(workspace.Layers{Editor: own, Folder: folder}); err != nil {
		return wrap(err, CodeInvalidConfig)
	}
	m.mu.Lock()
	m.editor, m.folder = append(json.RawMessage(nil), own...), append(json.RawMessage(nil), folder...)
	m.mu.Unlock()
	m.changed.kick()
	return nil
}

// split takes the folder's settings out of the editor's.
func split(raw json.RawMessage) (own, folder json.RawMessage) {
	var keys map[string]json.RawMessage
	if json.Unmarshal(raw, &keys) != nil || keys["folder"] == nil {
		return raw, nil
	}
	folder = keys["folder"]
	delete(keys, "folder")
	own, _ = json.Marshal(keys)
	return own, folder
}

// config reads the settings for r anew: files change under a running server.
func (m *Manager) config(r *workspace.Repo) (workspace.Config, []workspace.Value, error) {
	m.mu.Lock()
	layers := workspace.Layers{UserFile: m.opts.ConfigFile, Editor: m.editor, Folder: m.folder}
	m.mu.Unlock()
	if r != nil {
		layers.RepoFile = filepath.Join(r.From, repoConfigFile)
		layers.Allowed = func(a workspace.Ask) bool { return m.consent().Has(repoConsent(r), a.String()) }
	}
	c, values, err := workspace.LoadConfig(layers)
	if err != nil {
		return workspace.Config{}, nil, wrap(err, CodeInvalidConfig)
	}
	return c, values, nil
}

// Config tells each setting and where it came from. Outside a repository it tells the user's own.
func (m *Manager) Config(ctx context.Context, hint string) (ConfigResult, error) {
	r, err := m.repo(ctx, hint, "")
	if err != nil && CodeOf(err) != CodeNotRepository {
		return ConfigResult{}, err
	}
	config, values, err := m.config(r)
	if err != nil {
		return ConfigResult{}, err
	}
	res := ConfigResult{Values: []ConfigValue{}, Denied: []ConfigAsk{}}
	for _, a := range config.Denied {
		res.Denied = append(res.Denied, ConfigAsk{a.Key, a.Value, a.Own})
	}
	for _, v := range values {
		res.Values = append(res.Values, ConfigValue(v))
	}
	return res, nil
}
