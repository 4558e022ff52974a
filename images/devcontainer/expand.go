package devcontainer

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Variables are what the variables of a file stand for.
type Variables struct {
	Folder string            // of the worktree, which has the same path inside as outside
	ID     string            // devcontainerId
	Env    map[string]string // of the container; nil where that is not known yet, and its variables stay
}

var variable = regexp.MustCompile(`\$\{[^{}]*\}`)

// Expand puts in the values of variables. A variable of the host's is none of the file's business, as it may be a secret: what it would be
// without one, its default or nothing, takes its place, and it is named in hidden. What is no variable stays.
func (v Variables) Expand(s string) (expanded string, hidden []string) {
	return variable.ReplaceAllStringFunc(s, func(word string) string {
		inner := word[2 : len(word)-1]
		kind, rest, _ := strings.Cut(inner, ":")
		name, fallback, _ := strings.Cut(rest, ":")
		switch kind {
		case "localWorkspaceFolder", "containerWorkspaceFolder":
			return v.Folder
		case "localWorkspaceFolderBasename", "containerWorkspaceFolderBasename":
			return path.Base(v.Folder)
		case "devcontainerId":
			return v.ID
		case "localEnv", "env":
			hidden = append(hidden, "${"+kind+":"+name+"}")
			return fallback
		case "containerEnv":
			if v.Env == nil {
				return word
			}
			if value, ok := v.Env[name]; ok {
				return value
			}
			return fallback
		}
		return word
	}), hidden
}

// Resolve expands the variables in all that is taken, and notes those of the host's among what is not.
func (f *File) Resolve(v Variables) {
	var hidden []string
	expand := func(s *string) {
		var more []string
		*s, more = v.Expand(*s)
		hidden = append(hidden, more...)
	}
	all := func(list []string) {
		for i := range list {
			expand(&list[i])
		}
	}
	expand(&f.Image)
	if b := f.Build; b != nil {
		expand(&b.Dockerfile)
		expand(&b.Context)
		expand(&b.Target)
		values(b.Args, expand)
	}
	values(f.ContainerEnv, expand)
	values(f.RemoteEnv, expand)
	for _, command := range f.Setup {
		all(command)
	}
	for i := range f.Mounts {
		expand(&f.Mounts[i].Source)
		expand(&f.Mounts[i].Target)
	}
	all(f.RunArgs)
	slices.Sort(hidden)
	for _, name := range slices.Compact(hidden) {
		f.not(name, "variables of the host are not read")
	}
}

// values expands the values of a map, in the order of its keys.
func values(m map[string]string, expand func(*string)) {
	for _, key := range sortedKeys(m) {
		s := m[key]
		expand(&s)
		m[key] = s
	}
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
