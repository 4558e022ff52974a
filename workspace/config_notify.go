package workspace

import (
	"errors"

	"go.yaml.in/yaml/v3"
)

// never is the direction of a key that the repository's file may not have, not even with consent.
var never = direction[[]string]{"yours alone: it runs on the host", func(own, _ []string, _ bool, _ func(string) bool) ([]string, []string) { return own, nil }}

// onlyTheUsers makes a key an error in the repository's file.
func onlyTheUsers(f field) field {
	f.users = true
	return f
}

var errNotTheUsers = errors.New("this runs on the host, so that it is taken from your own config.yaml or your editor's user settings alone; take it out of this file")

// hostCommand is a program of the host and its arguments.
func hostCommand(n *yaml.Node) ([]string, error) {
	if n.Kind != yaml.SequenceNode { // a line would have to be taken apart, as a shell does
		return nil, errors.New(`want a list of a program and its arguments, such as [notify-send, Headjack]`)
	}
	words, err := stringList(n)
	if err == nil && len(words) > 0 && words[0] == "" {
		err = errors.New("the program's name is empty")
	}
	return words, err
}
