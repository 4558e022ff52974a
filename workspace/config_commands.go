package workspace

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// Setup is what is run in an instance after it was made, before its first agent.
type Setup struct {
	Command    Commands
	OnRecreate bool // again in each new container of the instance
}

// Commands are run one after the other, until one fails.
type Commands struct {
	Words      [][]string // of each command; none is nothing to do
	Repository bool       // a file of the repository says so, and not the user
	File       string     // that file, where it is not .headjack.yaml
}

// Shell runs what is a text.
const Shell = "sh"

// shellWords are how it does. A script ends with the first of its commands that fails.
var shellWords = []string{Shell, "-ec"}

// InShell is a text for the image's shell as the words of a command.
func InShell(text string) []string { return append(append([]string{}, shellWords...), text) }

// commands reads a text for the shell, the words of one command, or a list of commands that each are such words.
func commands(n *yaml.Node) (Commands, error) {
	wrong := errors.New("want a text for the shell (npm ci), the words of one command ([npm, ci]), or a list of such lists")
	switch {
	case n.Kind == yaml.ScalarNode:
		s, err := text(n)
		switch {
		case err != nil:
			return Commands{}, wrong
		case strings.TrimSpace(s) == "":
			return Commands{}, nil
		}
		return checked(Commands{Words: [][]string{InShell(s)}})
	case n.Kind != yaml.SequenceNode:
		return Commands{}, wrong
	case len(n.Content) == 0:
		return Commands{}, nil
	}
	lists := [][]string{}
	for _, item := range n.Content {
		if item.Kind != yaml.SequenceNode {
			continue
		}
		words, err := stringList(item)
		if err != nil || len(words) == 0 {
			return Commands{}, wrong
		}
		lists = append(lists, words)
	}
	if len(lists) == len(n.Content) {
		return checked(Commands{Words: lists})
	}
	words, err := stringList(n)
	if err != nil {
		return Commands{}, wrong
	}
	return checked(Commands{Words: [][]string{words}})
}

// checked refuses what no program can be given.
func checked(c Commands) (Commands, error) {
	for _, words := range c.Words {
		if words[0] == "" {
			return Commands{}, errors.New("the first word of a command is its program, and must not be empty")
		}
		if strings.ContainsRune(strings.Join(words, ""), 0) {
			return Commands{}, errors.New("a command cannot have a NUL character")
		}
	}
	return c, nil
}

func noCommands(c Commands) bool { return len(c.Words) == 0 }

// byShell is the text that the shell runs, where the commands are one such text.
func (c Commands) byShell() (string, bool) {
	if len(c.Words) != 1 || len(c.Words[0]) != len(shellWords)+1 || !reflect.DeepEqual(c.Words[0][:len(shellWords)], shellWords) {
		return "", false
	}
	return c.Words[0][len(shellWords)], true
}

// value is what a file of settings says.
func (c Commands) value() any {
	if s, ok := c.byShell(); ok {
		return s
	}
	if len(c.Words) == 1 {
		return c.Words[0]
	}
	return c.Words
}

// MarshalJSON writes the commands as a file of settings has them.
func (c Commands) MarshalJSON() ([]byte, error) { return json.Marshal(c.value()) }

// MarshalYAML writes the commands as a file of settings has them.
func (c Commands) MarshalYAML() (any, error) { return c.value(), nil }

// String is all of the commands in one line.
func (c Commands) String() string {
	if s, ok := c.byShell(); ok {
		return s
	}
	var all []string
	for _, words := range c.Words {
		all = append(all, plain.Shell(words...))
	}
	return strings.Join(all, " && ")
}

// ownCommands: what the repository's file has run in a container is no more than a RUN of its Dockerfile. It is marked, as a credential
// is another matter.
var ownCommands = direction[Commands]{
	"no direction: it runs inside, as what the Dockerfile runs; with a credential of yours it needs consent",
	func(own, repo Commands, _ bool, _ func(string) bool) (Commands, []string) {
		if reflect.DeepEqual(own.Words, repo.Words) {
			return own, nil
		}
		repo.Repository = true
		return repo, nil
	},
}
