package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityPageNamesItsTests looks that each test and page that docs/security.md names is there: a promise whose test was renamed
// away would be shown by nothing.
func TestSecurityPageNamesItsTests(t *testing.T) {
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testFuncs(t, "../..")
	named := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(string(page), -1)
	if len(named) < 50 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, name := range named {
		if !tests[name] {
			t.Errorf("there is no %s", name)
		}
	}
	files := regexp.MustCompile(`\((adr/[^)]+|\w+\.md)[#)]|\b(\w+\.txtar)`).FindAllStringSubmatch(string(page), -1)
	for _, m := range files {
		path := filepath.Join("../../docs", m[1])
		if m[2] != "" {
			path = filepath.Join("testdata", m[2])
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// testFuncs are the names of all tests below dir.
func testFuncs(t *testing.T, dir string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(b, -1) {
			all[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
