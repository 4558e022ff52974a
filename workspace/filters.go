package workspace

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// Filters (gitattributes(5)) are programs of the user's that change what of a file is committed. They do not run in a container, and
// hjk-ls does not run them on what an agent wrote: see docs/adr/0021-filters.md.

// rawFilter is the user's word that files of a filter may be committed as they are: `git config filter.NAME.headjack raw`.
const rawFilter = "raw"

// filters are the names of the filters of a checkout whose files an agent must not commit as they are. git-lfs is none of them, as it
// works inside, nor is one that changes nothing.
func (r *Repo) filters(ctx context.Context, dir string) (map[string]bool, error) {
	out, err := git(ctx, dir, "config", "-z", "--includes", "--get-regexp", `^filter\..*\.(clean|process|headjack)$`)
	if exitCode(err) == 1 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	commands, raw := map[string][]string{}, map[string]bool{}
	for _, kv := range nul(out) {
		key, value, _ := strings.Cut(kv, "\n")
		name, what := filterKey(key)
		switch {
		case what == "headjack":
			raw[name] = value == rawFilter
		case value != "" && value != "cat":
			commands[name] = append(commands[name], value)
		}
	}
	maps.DeleteFunc(commands, func(name string, all []string) bool { return raw[name] || name == lfsName && isLFS(all) })
	names := map[string]bool{}
	for name := range commands {
		names[name] = true
	}
	return names, nil
}

// filterKey takes the key of a setting of a filter apart.
func filterKey(key string) (name, what string) {
	rest := strings.TrimPrefix(key, "filter.")
	i := max(strings.LastIndexByte(rest, '.'), 0)
	return rest[:i], strings.TrimPrefix(rest[i:], ".")
}

const lfsName = "lfs"

// isLFS reports whether all these commands are git-lfs's.
func isLFS(commands []string) bool {
	return !slices.ContainsFunc(commands, func(c string) bool { return !strings.Contains(c, "git-lfs") && !strings.Contains(c, "git lfs") })
}

// filtered are the paths that a checkout's index has and one of these filters is for, each with its filter.
func (r *Repo) filtered(ctx context.Context, dir string, names map[string]bool) (map[string]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	out, err := git(ctx, dir, "ls-files", "-z", "--cached")
	if err != nil || out == "" {
		return nil, err
	}
	out, err = gitWith(ctx, call{dir: dir, stdin: out, tree: true}, "check-attr", "-z", "--stdin", "filter")
	if err != nil {
		return nil, err
	}
	return withFilter(out, names), nil
}

// withFilter are the paths of what `git check-attr -z` printed that one of these filters is for.
func withFilter(out string, names map[string]bool) map[string]string {
	found := map[string]string{}
	fields := nul(out) // path, attribute, value
	for i := 0; i+2 < len(fields); i += 3 {
		if names[fields[i+2]] {
			found[fields[i]] = fields[i+2]
		}
	}
	return found
}
