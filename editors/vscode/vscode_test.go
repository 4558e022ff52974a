// Package vscode holds the tests of the VS Code extension: they run its own, in node, in a real VS Code, and as a user
// would, and give each of their results as a test.
package vscode

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// cache is where what the npm registry gives is kept between runs.
func cache(t *testing.T) string {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "hjk-ls-test")
}

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return string(out)
}

var result = regexp.MustCompile(`^(ok|not ok) \d+ - (.*?)(?: # \d+ ms)?$`)

// tap runs a program that prints TAP, and makes a test of each of its results.
func tap(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	passed, failed := results(t, out)
	if err := cmd.Wait(); err != nil && failed == 0 {
		t.Errorf("%s: %v\n%s", name, err, stderr.Bytes())
	}
	if passed == 0 {
		t.Errorf("no test passed\n%s", stderr.Bytes())
	}
}

func results(t *testing.T, out io.Reader) (passed, failed int) {
	t.Helper()
	var name string // of the failure whose details are read
	var details []string
	flush := func() {
		if name != "" {
			failed++
			text := strings.Join(details, "\n")
			t.Run(name, func(t *testing.T) { t.Error(text) })
		}
		name, details = "", nil
	}
	sc := bufio.NewScanner(out)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		m := result.FindStringSubmatch(sc.Text())
		if m == nil {
			details = append(details, sc.Text())
			continue
		}
		flush()
		if m[1] == "ok" {
			passed++
			t.Run(m[2], func(*testing.T) {})
			continue
		}
		name = m[2]
	}
	flush()
	return passed, failed
}

func TestExtension(t *testing.T) {
	engine, err := drive.StartEngine(filepath.Join("/tmp", "hjkv-"+rand.Text()[:6])) // other tests prune theirs
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Stop(); err != nil {
			t.Error(err)
		}
	})
	npm := []string{"npm_config_audit=false", "npm_config_fund=false", "npm_config_loglevel=error"}
	run(t, npm, "npm", "ci", "--ignore-scripts")
	t.Run("check", func(t *testing.T) { run(t, npm, "npm", "run", "--silent", "check") })
	t.Run("lint", func(t *testing.T) { run(t, npm, "npm", "run", "--silent", "lint") })
	t.Run("audit", audit)
	t.Run("unit", func(t *testing.T) { tap(t, nil, "node", "test/unit.mjs") })

	dir := t.TempDir()
	vsix := packages(t, npm, dir)
	server, err := filepath.Abs("../../bin/hjk-ls")
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"new", "floor"} {
		t.Run(version, func(t *testing.T) {
			code := strings.Fields(run(t, nil, "test/get-vscode", version, filepath.Join(cache(t), "vscode-"+version)))
			tap(t, []string{"HJK_LS=" + server, "HJK_TEST_DOCKER_HOST=" + engine.Host()}, "node", "test/ui/main.mjs", version, code[0], code[1], vsix)
		})
	}
}
