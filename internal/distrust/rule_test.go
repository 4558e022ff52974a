package distrust

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// byName are the functions that take a path from the top, through whatever links an agent put on the way, or wait for a FIFO.
// Writing, deleting and mounting by name are as bad as reading.
var byName = map[string][]string{
	"os":                           {"Open", "OpenFile", "OpenRoot", "ReadFile", "ReadDir", "DirFS", "CopyFS", "Create", "WriteFile", "Stat", "RemoveAll", "Chmod", "Chown", "Truncate"},
	"path/filepath":                {"Walk", "WalkDir", "Glob"},
	"io/ioutil":                    {"ReadFile", "ReadDir", "WriteFile"},
	"github.com/tonistiigi/fsutil": {"NewFS"},
	"github.com/moby/go-archive":   {"TarWithOptions", "Tar"},
	"github.com/docker/docker/api/types/mount": {"Mount"},
}

// rooms are where the trees that agents write to are handled.
var rooms = []string{"workspace", "container", "images", "server"}

// uses are the functions by name that a file calls, such as "os.ReadFile".
func uses(src any, name string) (map[string]bool, error) {
	f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	packages := map[string]string{} // by the name they have in the file
	for _, i := range f.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return nil, err
		}
		as := strings.TrimPrefix(filepath.Base(path), "go-")
		if i.Name != nil {
			as = i.Name.Name
		}
		packages[as] = path
	}
	found := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := s.X.(*ast.Ident)
		if ok && slices.Contains(byName[packages[x.Name]], s.Sel.Name) {
			found[filepath.Base(packages[x.Name])+"."+s.Sel.Name] = true
		}
		return true
	})
	return found, nil
}

// TestTreesOfAgentsAreNotReachedByName holds the rooms to the rule. What is new there either goes through this package or is
// named below, with its cause.
func TestTreesOfAgentsAreNotReachedByName(t *testing.T) {
	left := map[string]map[string]bool{}
	for file, e := range exceptions {
		left[file] = map[string]bool{}
		if e.cause == "" {
			t.Errorf("%s: an exception without a cause", file)
		}
		for _, f := range strings.Fields(e.functions) {
			left[file][f] = true
		}
	}
	for _, room := range rooms {
		err := filepath.WalkDir(filepath.Join("..", "..", room), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			found, err := uses(nil, path)
			file := filepath.ToSlash(strings.TrimPrefix(path, filepath.Join("..", "..")+string(filepath.Separator)))
			for _, f := range slices.Sorted(maps.Keys(found)) {
				if !left[file][f] {
					t.Errorf("%s uses %s: reach what an agent can write through internal/distrust, or add it to the exceptions with a cause", file, f)
				}
				delete(left[file], f)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for file, functions := range left {
		for f := range functions {
			t.Errorf("%s does not use %s any more: take it out of the exceptions", file, f)
		}
	}
}

// TestTheRuleSees is the control: the rule finds what it is about, also under another name.
func TestTheRuleSees(t *testing.T) {
	const src = `package x
import (stdos "os"; "path/filepath"; "github.com/tonistiigi/fsutil"; "github.com/moby/go-archive"; "github.com/docker/docker/api/types/mount")
func f(os struct{ Open func() }) { stdos.ReadFile("x"); g := filepath.WalkDir; fsutil.NewFS("x"); archive.TarWithOptions("x", nil); _ = mount.Mount{}; os.Open(); _ = g }`
	found, err := uses(src, "x.go")
	if got := fmt.Sprint(slices.Sorted(maps.Keys(found))); err != nil || got != "[filepath.WalkDir fsutil.NewFS go-archive.TarWithOptions mount.Mount os.ReadFile]" {
		t.Error(got, err)
	}
	if _, err := os.Stat(filepath.Join("..", "..", rooms[0])); err != nil {
		t.Error(err)
	}
}
