// Package arrows holds the packages to what ARCHITECTURE.md draws: which of them may know which.
package arrows

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gilmanlab/hjk-ls"

// may says which packages of ours a package may import, and so how the arrows run. A new arrow is a line here, and in ARCHITECTURE.md. Below
// a name that ends in /... are all of that.
var may = map[string][]string{
	"cmd/hjk-ls":   {"server/...", "container/...", "workspace", "internal/..."},
	"cmd/hjk-shim": {"container/pane", "container/shim", "container/shim/link", "internal/..."},

	"server":        {"server/agents", "server/builds", "images", "images/dockerfile", "internal/..."},
	"server/agents": {"server/builds", "container", "container/shim", "container/shim/embed", "images/...", "workspace", "internal/..."},
	"server/builds": {"images", "images/dockerfile", "workspace", "internal/..."},

	"container":            {"container/pane", "container/screen", "container/shim", "container/shim/link", "internal/..."},
	"container/pane":       {},
	"container/screen":     {},
	"container/shim":       {},
	"container/shim/embed": {},
	"container/shim/link":  {},

	"images":              {"images/devcontainer", "images/dockerfile", "internal/..."},
	"images/devcontainer": {},
	"images/dockerfile":   {},
	"images/starter":      {},

	"workspace": {"internal/..."},

	"internal/credentials": {},
	"internal/demoagent":   {},
	"internal/distrust":    {"internal/system"},
	"internal/fileuri":     {},
	"internal/plain":       {},
	"internal/podman":      {},
	"internal/system":      {},

	"editors/vscode": {},
}

// TestArrows reads what each package imports, its tests aside.
func TestArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg := strings.TrimPrefix(words[0], module+"/")
		if strings.HasPrefix(pkg, "internal/testing/") { // they use all
			continue
		}
		allowed, known := may[pkg]
		if seen[pkg] = true; !known {
			t.Errorf("package %s is not in the table: say what it may import", pkg)
			continue
		}
		for _, path := range words[1:] {
			if imported, ours := strings.CutPrefix(path, module+"/"); ours && !allows(allowed, imported) {
				t.Errorf("%s imports %s, which is no arrow of ARCHITECTURE.md", pkg, imported)
			}
		}
	}
	for pkg := range may {
		if !seen[pkg] {
			t.Errorf("there is no package %s any more", pkg)
		}
	}
}

// allows reports whether a list has a package. Tools of tests are for tests.
func allows(list []string, pkg string) bool {
	if strings.HasPrefix(pkg, "internal/testing/") {
		return false
	}
	return slices.ContainsFunc(list, func(p string) bool {
		if tree, all := strings.CutSuffix(p, "/..."); all {
			return pkg == tree || strings.HasPrefix(pkg, tree+"/")
		}
		return pkg == p
	})
}
