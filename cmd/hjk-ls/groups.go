package main

import "github.com/spf13/cobra"

// The parts of the help, by what a user has in mind.
const (
	groupStart  = "start"
	groupWatch  = "watch"
	groupFinish = "finish"
	groupImages = "images"
	groupSetUp  = "set-up"
)

// groups are the parts of the help, in its order.
var groups = []*cobra.Group{
	{ID: groupStart, Title: "Start:"},
	{ID: groupWatch, Title: "Watch:"},
	{ID: groupFinish, Title: "Finish:"},
	{ID: groupImages, Title: "Images:"},
	{ID: groupSetUp, Title: "Set-up:"},
}

// groupOf is the part in which the help has a command. A command that is new needs its line here.
var groupOf = map[string]string{
	"run":    groupStart,
	"start":  groupStart,
	"attach": groupStart,
	"send":   groupStart,
	"exec":   groupStart,
	"shell":  groupStart,
	"setup":  groupStart,

	"ps":      groupWatch,
	"logs":    groupWatch,
	"diff":    groupWatch,
	"wait":    groupWatch,
	"events":  groupWatch,
	"open":    groupWatch,
	"forward": groupWatch,

	"merge": groupFinish,
	"push":  groupFinish,
	"stop":  groupFinish,
	"kill":  groupFinish,
	"rm":    groupFinish,

	"build":     groupImages,
	"build-log": groupImages,
	"images":    groupImages,
	"recreate":  groupImages,
	"prune":     groupImages,

	"init":       groupSetUp,
	"config":     groupSetUp,
	"auth":       groupSetUp,
	"doctor":     groupSetUp,
	"version":    groupSetUp,
	"completion": groupSetUp,
	"help":       groupSetUp,
}

// addGroups puts the commands of root into the parts of its help.
func addGroups(root *cobra.Command) {
	root.AddGroup(groups...)
	root.SetHelpCommandGroupID(groupOf["help"])
	root.SetCompletionCommandGroupID(groupOf["completion"])
	for _, c := range root.Commands() {
		c.GroupID = groupOf[c.Name()]
	}
}
