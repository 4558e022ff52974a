package agents

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unquoted is a command of ours in a message with a word that is put in as it is.
var unquoted = regexp.MustCompile("\"[^\"\n]*\\bhjk-ls (run|attach|ps|stop|kill|recreate|rm|logs|build|build-log)\\b[^\"\n;,]*%[sqvw]")

// TestSuggestedCommandsAreQuoted: a command in a message is made by plain.Shell (here hjk), so that it can be pasted whatever a
// branch or a path is called.
func TestSuggestedCommandsAreQuoted(t *testing.T) {
	if !unquoted.MatchString(`Errorf("make it anew: hjk-ls recreate %s", branch)`) {
		t.Fatal("the control: such a message is not found")
	}
	for _, dir := range []string{"server", "cmd/hjk-ls", "workspace", "container", "images"} {
		err := filepath.WalkDir(filepath.Join("../..", dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range unquoted.FindAllString(string(text), -1) {
				t.Errorf("%s: %s", path, found)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
