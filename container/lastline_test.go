package container

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLastLine(t *testing.T) {
	box := "╭──────────────────────╮\r\n│ >                    │\r\n╰──────────────────────╯\r\n  ? for shortcuts\r\n"
	for name, c := range map[string]struct{ log, want string }{
		"a line":                {"one\r\ntwo three\r\n", "two three"},
		"a question":            {"hello\r\nname? ", "name?"},
		"nothing":               {"\r\n\r\n", ""},
		"above the box":         {"● I mended the test.\r\n\r\n" + box, "I mended the test."},
		"two rules":             {"⏺ Done\r\n" + strings.Repeat("─", 20) + "\r\n> \r\n" + strings.Repeat("─", 20) + "\r\n  auto-accept on\r\n", "Done"},
		"a table of its own":    {"┌────────────┐\r\n│ a          │\r\n└────────────┘\r\n1\r\n2\r\n3\r\n4\r\n5 rows\r\n", "5 rows"},
		"what is drawn over":    {"working 10%\rworking 90%\x1b[K\r\n", "working 90%"},
		"of a log that is long": {strings.Repeat("x\r\n", maxLastRead) + "the end\r\n", "the end"},
		"without an end":        {strings.Repeat("x", 2*maxLastRead), ""},
	} {
		dir := t.TempDir()
		at := filepath.Join(dir, "sessions", "s")
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "log"), []byte(c.log), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := LastLine(dir, "s"); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
	if got := LastLine(t.TempDir(), "../s"); got != "" {
		t.Error(got)
	}
}
