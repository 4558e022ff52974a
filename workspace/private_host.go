package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// The part of the agent's configuration that follows the host's, made anew with each start. It lies between these lines.
const (
	followsFrom = "# hjk-ls: what follows is as on the host, and made anew with each start\n"
	followsTo   = "# hjk-ls: end of what is as on the host\n"
)

const (
	configFile     = "config"
	hostAttributes = "hjk-ls.attributes" // the user's own rules, which lie outside the repository
	maxOwnConfig   = 4 << 20
)

// Follow brings what git inside knows of the host's configuration up to date, for a container that is to start again.
func (p *Private) Follow(ctx context.Context) error {
	unlock, err := lockPrivate(ctx, p.dir, 0)
	if err != nil {
		return err
	}
	defer unlock()
	return p.follow(ctx)
}

// follow brings what git inside must know of the host's configuration up to date: filters and merge drivers, in whose place our helper
// says that they do not run, the user's own attributes, and that objects may be missing.
func (p *Private) follow(ctx context.Context) error {
	root, err := os.OpenRoot(p.agent())
	if err != nil {
		return err
	}
	defer root.Close()
	names, err := p.repo.filters(ctx, p.tree.Path)
	if err != nil {
		return err
	}
	text, err := p.following(ctx, root, names)
	if err != nil {
		return err
	}
	was, err := distrust.Read(root, configFile, maxOwnConfig)
	if err != nil {
		return nil //nolint:nilerr // the agent broke it, and git inside says so
	}
	if now := followed(string(was), text); now != string(was) {
		err = distrust.Replace(root, configFile, was, []byte(now))
	}
	if errors.Is(err, fs.ErrExist) { // git inside writes it, or was killed while it did
		err = nil
	}
	if err != nil {
		return err
	}
	p.remember(ctx, root, names)
	return nil
}

// followed is a configuration with another part that follows the host.
func followed(config, text string) string {
	before, rest, there := strings.Cut(config, followsFrom)
	if !there {
		if text == "" {
			return config
		}
		return strings.TrimRight(config, "\n") + "\n" + followsFrom + text + followsTo
	}
	_, after, _ := strings.Cut(rest, followsTo)
	return before + followsFrom + text + followsTo + after
}

// following is the part that follows the host.
func (p *Private) following(ctx context.Context, root *os.Root, names map[string]bool) (string, error) {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(names)) {
		key := "filter." + name + "."
		b.WriteString(configLine(key+"clean", helperFor("clean", name, "%f")) + configLine(key+"smudge", helperFor("smudge", name, "%f")) +
			configLine(key+"required", "true"))
	}
	drivers, err := p.repo.settings(ctx, p.tree.Path, `^merge\..*\.driver$`)
	if err != nil {
		return "", err
	}
	for _, d := range drivers {
		name := strings.TrimSuffix(strings.TrimPrefix(d.key, "merge."), ".driver")
		command := helperFor("merge", name, "%P")
		if d.value == "true" { // the image need not have it
			command = helperFor("ours", name, "%P")
		} else if strings.HasPrefix(d.value, "git ") {
			command = d.value
		}
		b.WriteString(configLine(d.key, command))
	}
	if text := p.userAttributes(ctx); text != "" {
		if err := distrust.Write(root, hostAttributes, []byte(text), 0o644); err != nil {
			return "", err
		}
		b.WriteString(configLine("core.attributesFile", p.inside(hostAttributes)))
	}
	partial, err := p.repo.Partial(ctx, p.tree.Path)
	if len(partial) > 0 { // git inside asks our helper for what is missing, which says why it does not come
		b.WriteString(configLine("remote."+lender+".url", borrowTarget) + configLine("remote."+lender+".promisor", "true") +
			configLine("remote."+lender+".skipFetchAll", "true") + configLine("remote."+lender+".uploadpack", helper+" missing"))
	}
	return b.String(), err
}

// lender is the remote inside that objects would come from which the host does not have either.
const lender = "headjack-host"

// inside is where a file of the agent's git directory is in the container.
func (p *Private) inside(name string) string {
	if isDir(filepath.Join(p.tree.Path, ".git")) {
		return filepath.Join(p.tree.Path, ".git", name)
	}
	return privateTarget + "/" + name
}

// helperFor is the command line of our helper in the place of a filter or a merge driver, as git gives it to a shell.
func helperFor(verb, name, file string) string {
	name = strings.ReplaceAll(name, "%", "%%") // git puts something else in the place of one
	return fmt.Sprintf("%s filter %s '%s' %s", helper, verb, strings.ReplaceAll(name, "'", `'\''`), file)
}

// setting is one of git's.
type setting struct{ key, value string }

// settings are those of a checkout whose keys match.
func (r *Repo) settings(ctx context.Context, dir, pattern string) ([]setting, error) {
	out, err := git(ctx, dir, "config", "-z", "--includes", "--get-regexp", pattern)
	if exitCode(err) == 1 {
		return nil, nil
	}
	var all []setting
	for _, kv := range nul(out) {
		key, value, _ := strings.Cut(kv, "\n")
		all = append(all, setting{key, value})
	}
	return all, err
}

// userAttributes are the attributes of the system and of the user, which are weaker than the repository's own.
func (p *Private) userAttributes(ctx context.Context) string {
	files := []string{"/etc/gitattributes"}
	if out, err := git(ctx, p.tree.Path, "config", "--includes", "--type=path", "--get", "core.attributesFile"); err == nil {
		files = append(files, strings.TrimSuffix(out, "\n"))
	} else if config := os.Getenv("XDG_CONFIG_HOME"); config != "" {
		files = append(files, filepath.Join(config, "git", "attributes"))
	} else if home, err := os.UserHomeDir(); err == nil {
		files = append(files, filepath.Join(home, ".config", "git", "attributes"))
	}
	var b strings.Builder
	for _, f := range files {
		if text, err := distrust.File(absolute(p.tree.Path, f), maxConfig); err == nil && len(text) > 0 {
			b.WriteString(strings.TrimRight(string(text), "\n") + "\n")
		}
	}
	return b.String()
}

// Partial are the remotes that a partial clone leaves objects at, each with its filter, as in "origin (blob:none)".
func (r *Repo) Partial(ctx context.Context, dir string) ([]string, error) {
	found, err := r.settings(ctx, dir, `^remote\..*\.partialclonefilter$`)
	var all []string
	for _, s := range found {
		if s.value != "" {
			all = append(all, strings.TrimSuffix(strings.TrimPrefix(s.key, "remote."), ".partialclonefilter"))
		}
	}
	slices.Sort(all)
	return slices.Compact(all), err
}
