package main

import (
	"os"
	"testing"
)

// The help has a part "Additional Commands" for what is in no other, and there nobody looks.
func TestEveryCommandHasAGroup(t *testing.T) {
	root := newApp(os.Stdin, os.Stdout, os.Stderr).command()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.GroupID == "" && !c.Hidden {
			t.Errorf("command %s is in no part of the help; give it one in groupOf", c.Name())
		}
	}
	if n := len(root.Commands()); n < 15 {
		t.Errorf("the root has %d commands", n)
	}
}
