package workspace

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestNotifyIsTheUsers: a command of the host comes from the user's file or the user's own editor settings. In a file that an agent can
// write it is an error, whatever was agreed to. The control is the same text in the user's places.
func TestNotifyIsTheUsers(t *testing.T) {
	const text = `{"notify": ["~/bin/tell", "it"]}`
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	yes := func(Ask) bool { return true }
	for name, l := range map[string]Layers{
		"the repository's file": {RepoFile: write(t, ".headjack.yaml", text), Allowed: yes},
		"the folder's settings": {Folder: []byte(text), Allowed: yes},
		"beside the user's own": {UserFile: write(t, "config.yaml", text), RepoFile: write(t, ".headjack.yaml", text), Allowed: yes},
	} {
		c, _, err := LoadConfig(l)
		if err == nil || !strings.Contains(err.Error(), "notify: this runs on the host") || len(c.Notify) > 0 {
			t.Errorf("%s: %v %v", name, c.Notify, err)
		}
	}
	for name, l := range map[string]Layers{"user": {UserFile: write(t, "config.yaml", text)}, "editor": {Editor: []byte(text)}} {
		c, _, err := LoadConfig(l)
		if want := fmt.Sprint([]string{home + "/bin/tell", "it"}); err != nil || fmt.Sprint(c.Notify) != want {
			t.Errorf("%s: %v %v", name, c.Notify, err)
		}
	}
	if _, _, err := LoadConfig(Layers{Editor: []byte(`{"notify": "tell it"}`)}); err == nil || !strings.Contains(err.Error(), "want a list of a program and its arguments") {
		t.Error(err)
	}
}
