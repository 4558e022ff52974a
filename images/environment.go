package images

import (
	"path"
	"strings"
)

// ofEnvironment leaves of a definition what its environment is made from. What a name is says the disk: a folder that becomes a
// file counts from then on. A name of nothing may become a file, too.
func (d definition) ofEnvironment(t *tree, ignore []string) definition {
	env := definition{sum: d.sum}
	for _, name := range d.named {
		if !isPattern(name) && !t.isDir(name) {
			env.paths = append(env.paths, name)
			if !t.isThere(name) {
				env.missing = append(env.missing, name)
			}
		} else {
			env.copied = append(env.copied, name)
		}
	}
	if len(d.paths) > 0 {
		env.sum = hash([]byte(d.sum), []byte(strings.Join(ignore, "\n")))
	}
	return env
}

// isPattern reports whether a name of the context may stand for several.
func isPattern(name string) bool { return strings.ContainsAny(name, `*?[\`) }

// parents are the folders in which what is copied is, where another kind of file may come in its place.
func (d definition) parents() []string {
	var all []string
	for _, name := range d.copied {
		if !isPattern(name) && name != "." {
			all = append(all, path.Dir(name))
		}
	}
	return all
}
