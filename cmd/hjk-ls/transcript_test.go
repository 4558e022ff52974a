package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

var update = flag.Bool("update", false, "write the transcript into docs/protocol.md")

// transcript is what the documented conversation sends.
var transcript = []string{
	`{"jsonrpc":"2.0","id":1,"method":"workspace/executeCommand","params":{"command":"hjk-ls.run","arguments":[{"branch":"fix/login","image":"hjk-test/scratch:1","agent":"ask"}],"workDoneToken":"t"}}`,
	`{"jsonrpc":"2.0","id":2,"method":"workspace/executeCommand","params":{"command":"hjk-ls.stop","arguments":[{"branch":"fix/login"}]}}`,
	`{"jsonrpc":"2.0","id":3,"method":"workspace/executeCommand","params":{"command":"hjk-ls.attach","arguments":[{"branch":"fix/login"}]}}`,
	`{"jsonrpc":"2.0","id":4,"method":"workspace/executeCommand","params":{"command":"hjk-ls.remove","arguments":[{"branch":"fix/login"}]}}`,
	`{"jsonrpc":"2.0","id":5,"method":"workspace/executeCommand","params":{"command":"hjk-ls.run","arguments":[{"brunch":"x"}]}}`,
}

var masks = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`), "2026-01-01T00:00:00Z"},
	{regexp.MustCompile(`sha256:[0-9a-f]{64}`), "sha256:…"},
	{regexp.MustCompile(`"[0-9a-f]{64}"`), `"…"`},
	{regexp.MustCompile(`"waiting":true`), `"waiting":false`},
	{regexp.MustCompile(`hjk-fix-login-[0-9a-f]{12}`), "hjk-fix-login-…"},
	{regexp.MustCompile(`begins at main, [0-9a-f]+`), "begins at main, 1a2b3c4"},
}

// TestTranscript holds a real conversation and compares it with the one in the documentation.
func TestTranscript(t *testing.T) {
	host := os.Getenv("HJK_TEST_DOCKER_HOST")
	if host == "" {
		t.Fatal("needs a container engine: run make test")
	}
	dir := t.TempDir()
	t.Cleanup(func() { _ = drive.CleanUp(host, dir) })
	r, err := drive.New(dir, host)
	must(t, err)
	repo := filepath.Join(dir, "repo")
	for _, argv := range [][]string{
		{"git", "init", "-q", "-b", "main", repo},
		{"git", "-C", repo, "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-q", "--allow-empty", "-m", "start"},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", argv, err, out)
		}
	}
	conf := "agents: {ask: {command: [/agent, prompt]}}\n"
	if err := os.WriteFile(filepath.Join(repo, ".headjack.yaml"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("```\n")
	for _, send := range transcript {
		cmd := exec.Command(r.Bin, "--stdio", "--framing=lines")
		cmd.Dir = repo
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+host, "HOME="+dir, "XDG_STATE_HOME="+dir+"/state", "XDG_DATA_HOME="+dir+"/data", "XDG_CONFIG_HOME="+dir+"/config")
		cmd.Stdin = strings.NewReader(send + "\n")
		out, err := cmd.Output()
		if err != nil && !strings.Contains(string(out), `"error"`) {
			t.Fatalf("%s: %v", send, err)
		}
		b.WriteString("→ " + send + "\n")
		for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			b.WriteString("← " + line + "\n")
		}
	}
	b.WriteString("```\n")
	got := strings.NewReplacer(r.Bin, "/usr/local/bin/hjk-ls", dir+"/data", "/home/me/.local/share", dir, "/home/me").Replace(b.String())
	for _, m := range masks {
		got = m.re.ReplaceAllString(got, m.to)
	}
	file := filepath.Join("..", "..", "docs", "protocol.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(text), "<!-- transcript -->\n")
	have, tail, ok := strings.Cut(rest, "<!-- end -->")
	if !ok {
		t.Fatal("docs/protocol.md has no place for the transcript")
	}
	if *update {
		if err := os.WriteFile(file, []byte(head+"<!-- transcript -->\n"+got+"<!-- end -->"+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != got {
		t.Errorf("docs/protocol.md is not what is said; run with -update:\n%s", got)
	}
}
