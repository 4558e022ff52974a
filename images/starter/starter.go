// Package starter writes a first Dockerfile for a repository, from the files that it holds. It opens none itself.
package starter

import (
	"fmt"
	"slices"
	"strings"
)

// Found is a file of the repository that says what agents need there.
type Found struct {
	File string
	Does string // what the Dockerfile does for it, or why it need not
}

// need is what one file calls for.
type need struct {
	Found
	packages []string // of Debian's
	steps    []string // RUN, behind the packages
	env      []string // NAME=value
}

// Read gives the text of a file in the top of the repository. ok is false where there is none.
type Read func(name string) (text string, ok bool)

// Dockerfile is a first Dockerfile that extends an image, and what it is made from.
func Dockerfile(base string, read Read) (text string, found []Found) {
	var needs []need
	for _, look := range lookouts {
		if n, ok := look(read); ok {
			needs = append(needs, n)
			found = append(found, n.Found)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# What agents on this repository work in: hjk-ls's image, and what the repository's files call for. hjk-ls init wrote it; it is yours.\nFROM %s\n", base)
	b.WriteString(packages(needs))
	for _, n := range needs {
		for _, e := range n.env {
			fmt.Fprintf(&b, "\n# %s\nENV %s\n", n.File, e)
		}
		for _, s := range n.steps {
			fmt.Fprintf(&b, "\n# %s\nRUN %s\n", n.File, s)
		}
	}
	if len(needs) == 0 {
		b.WriteString("\n# Nothing was found that calls for more. For packages of Debian's:\n# RUN apt-get update && apt-get install -y --no-install-recommends \\\n#     NAME \\\n#     && rm -rf /var/lib/apt/lists/*\n")
	}
	return b.String(), found
}

// packages is the step that installs those of all needs, each once, with a comment on each file.
func packages(needs []need) string {
	var b strings.Builder
	var all []string
	b.WriteString("\n")
	for _, n := range needs {
		fmt.Fprintf(&b, "# %s: %s\n", n.File, n.Does)
		all = append(all, n.packages...)
	}
	if len(all) == 0 {
		if len(needs) == 0 {
			return ""
		}
		return b.String()
	}
	slices.Sort(all)
	b.WriteString("RUN apt-get update && apt-get install -y --no-install-recommends \\\n")
	for _, p := range slices.Compact(all) {
		fmt.Fprintf(&b, "    %s \\\n", p)
	}
	b.WriteString("    && rm -rf /var/lib/apt/lists/*\n")
	return b.String()
}
