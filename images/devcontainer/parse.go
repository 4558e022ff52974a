package devcontainer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// MaxSize bounds a file in bytes. Those that people write have a few thousand.
const MaxSize = 256 << 10

// maxNested bounds lists and objects, as the parser goes into each by a call of itself.
const maxNested = 10_000

// File is what hjk-ls takes of a devcontainer.json. Variables in its strings are as they are written; see Expand.
type File struct {
	Image string
	Build *Build // nil where none is said

	Ports        []Port            // forwardPorts and appPort
	ContainerEnv map[string]string // of all processes
	RemoteEnv    map[string]string // of sessions
	Unset        []string          // variables that remoteEnv takes away by null
	Setup        [][]string        // lifecycle commands in their order; one of a single word is a line of the shell
	Mounts       []Mount
	RunArgs      []string // of docker run; privileged, capAdd and securityOpt are among them

	NotTaken []NotTaken // in the order of the file

	order []stage // of Setup, as they were found
}

// stage is one of the lifecycle commands.
type stage struct {
	rank     int
	commands [][]string
}

// Build is how the image is built. Paths are relative to the folder of the file.
type Build struct {
	Dockerfile string
	Context    string
	Target     string
	Args       map[string]string
}

// Port is one in the container, and the one of the host that it is wanted at.
type Port struct{ Container, Host int }

// Mount is one of docker run --mount.
type Mount struct {
	Type, Source, Target string
	ReadOnly             bool
}

// NotTaken is a key that hjk-ls does not obey, and what to do instead, which may be nothing.
type NotTaken struct{ Key, Why string }

// String is the key, with the reason behind it.
func (n NotTaken) String() string {
	if n.Why == "" {
		return n.Key
	}
	return n.Key + " (" + n.Why + ")"
}

// Error is what is wrong with a file, and where. Line and Column count from 1; 0 is nowhere in particular.
type Error struct {
	Line, Column int
	Message      string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
}

// Parse reads JSON with comments and trailing commas. An error is an *Error.
func Parse(text []byte) (*File, error) {
	if len(text) > MaxSize {
		return nil, &Error{Message: fmt.Sprintf("it has %d bytes of at most %d", len(text), MaxSize)}
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	if n := bytes.Count(text, []byte("[")) + bytes.Count(text, []byte("{")); n > maxNested {
		return nil, &Error{Message: fmt.Sprintf("it has %d lists and objects of at most %d", n, maxNested)}
	}
	top, err := hujson.Parse(text)
	if err != nil {
		return nil, syntaxError(err)
	}
	obj, ok := top.Value.(*hujson.Object)
	if !ok {
		return nil, at(text, top.StartOffset, errors.New("want an object, as in {\"image\": \"debian:12\"}"))
	}
	f := &File{}
	for _, key := range last(obj.Members) {
		v := key.Value.Clone()
		v.Standardize()
		v.BeforeExtra, v.AfterExtra = nil, nil
		name := key.Name.Value.(hujson.Literal).String()
		if err := f.take(name, bytes.TrimSpace(v.Pack())); err != nil {
			return nil, at(text, key.Value.StartOffset, fmt.Errorf("%s: %w", name, err))
		}
	}
	f.settle()
	return f, nil
}

// last leaves of members of the same name the last, which is the one that counts.
func last(all []hujson.ObjectMember) []hujson.ObjectMember {
	newest := map[string]int{}
	for i, m := range all {
		newest[m.Name.Value.(hujson.Literal).String()] = i
	}
	var out []hujson.ObjectMember
	for i, m := range all {
		if newest[m.Name.Value.(hujson.Literal).String()] == i {
			out = append(out, m)
		}
	}
	return out
}

// syntaxError takes the place out of the parser's message, which has it in its beginning.
func syntaxError(err error) error {
	var e Error
	msg := strings.TrimPrefix(err.Error(), "hujson: ")
	if n, _ := fmt.Sscanf(msg, "line %d, column %d:", &e.Line, &e.Column); n == 2 {
		_, msg, _ = strings.Cut(msg, ": ")
	}
	e.Message = msg
	return &e
}

// at gives an error its place. One of a value's type knows how far into the value it is.
func at(text []byte, offset int, err error) error {
	var inner *json.UnmarshalTypeError
	if errors.As(err, &inner) {
		err = fmt.Errorf("%s: want %s, not %s", keyOf(err), wanted(inner), inner.Value)
	}
	before := text[:min(offset, len(text))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return &Error{Line: line, Column: column, Message: err.Error()}
}

// keyOf is the key that an error begins with.
func keyOf(err error) string {
	key, _, _ := strings.Cut(err.Error(), ":")
	return key
}

// wanted is the type that a value should have, in words of JSON.
func wanted(e *json.UnmarshalTypeError) string {
	word := "an object"
	switch e.Type.Kind().String() {
	case "string":
		word = "a string"
	case "slice":
		word = "a list"
	case "bool":
		word = "true or false"
	}
	if e.Field != "" {
		word = e.Field + " to be " + word
	}
	return word
}

// settle joins what stands under several keys.
func (f *File) settle() {
	if f.Build != nil && f.Build.Dockerfile == "" {
		f.Build = nil
	}
	if f.Build != nil {
		f.Image = ""
		if f.Build.Context == "" {
			f.Build.Context = "."
		}
	}
	slices.SortStableFunc(f.order, func(a, b stage) int { return a.rank - b.rank })
	for _, s := range f.order {
		f.Setup = append(f.Setup, s.commands...)
	}
	f.order = nil
}
