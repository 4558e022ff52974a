package container

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// What comes from the helper in a container may be another's: a process of the same user can stop it and write to its
// standard output. So its answers are bounded and taken only when they are what was asked for, and their text is shown as text.

// maxReply is far above what the helper ever says.
const maxReply = 64 << 10

// maxMessage bounds the text of an answer that a user gets to see.
const maxMessage = 1 << 10

// errTooMuch ends an answer that is larger than any of the helper's.
var errTooMuch = fmt.Errorf("what answered in the place of the helper in the container said more than %d bytes; end all that runs there with: hjk-ls stop", maxReply)

// bounded keeps what is written, up to max bytes; more is an error.
type bounded struct {
	b   bytes.Buffer
	max int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.b.Len()+len(p) > b.max {
		return 0, errTooMuch
	}
	return b.b.Write(p)
}

// said is what a command in a container said.
type said struct {
	out, stderr string
	code        int
}

// failure is a command's exit code as an error, with what it said.
func (a said) failure() error {
	return fmt.Errorf("exit code %d: %s", a.code, printable(strings.Join(strings.Fields(a.stderr+" "+a.out), " "), maxMessage))
}

// readReply reads the answer to the request for a session.
func readReply(r io.Reader, wanted string) (*shim.State, error) {
	reply, err := decodeReply(r)
	if err != nil {
		return nil, err
	}
	if reply.State == nil || !sound(reply.State) || !answers(reply.State.Name, wanted) {
		return nil, errors.New("the helper in the container told a state that is not of the session that was asked for")
	}
	return reply.State, nil
}

// decodeReply reads an answer that says yes.
func decodeReply(r io.Reader) (shim.Reply, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxReply)).ReadBytes('\n')
	switch {
	case errors.Is(err, io.EOF) && len(line) >= maxReply:
		return shim.Reply{}, errTooMuch
	case err != nil:
		return shim.Reply{}, fmt.Errorf("the helper in the container said nothing: %w", err)
	}
	var reply shim.Reply
	if json.Unmarshal(line, &reply) != nil {
		return shim.Reply{}, fmt.Errorf("the helper in the container said %q", printable(string(line), maxMessage))
	}
	if !reply.OK {
		return shim.Reply{}, refusal(reply)
	}
	return reply, nil
}

var replyCodes = []string{
	shim.CodeAgentMissing, shim.CodeUnrunnable, shim.CodeSessionExists, shim.CodeNoSession, shim.CodeSessionEnded, shim.CodeBadRequest, shim.CodeMounts,
	shim.CodeNotWaiting, shim.CodeNotReading, shim.CodeLineTooLong, shim.CodeUnreached,
}

func refusal(r shim.Reply) error {
	if !slices.Contains(replyCodes, r.Code) {
		r.Code = shim.CodeInternal
	}
	return &SessionError{Code: r.Code, Message: printable(strings.Join(strings.Fields(r.Message), " "), maxMessage)}
}

// answers reports whether a session's name is the wanted one, or what the helper makes of it when that is taken.
func answers(name, wanted string) bool {
	rest, ok := strings.CutPrefix(name, wanted)
	if !ok || !sessionName.MatchString(name) {
		return false
	}
	if rest == "" {
		return true
	}
	n, err := strconv.Atoi(strings.TrimPrefix(rest, "-"))
	return err == nil && rest == "-"+strconv.Itoa(n) && n > 1
}

// sound reports whether a state is one, and takes out of its texts what is not to be shown.
func sound(st *shim.State) bool {
	if !sessionName.MatchString(st.Name) || st.State != "running" && st.State != "exited" {
		return false
	}
	if st.Kind != shim.KindTmux && st.Kind != shim.KindPTY {
		st.Kind = ""
	}
	st.Agent = printable(st.Agent, 64)
	return true
}

// printable removes control characters, so that a name cannot move the cursor of whoever lists it.
func printable(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// printableLines is printable that keeps lines.
func printableLines(s string, most int) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = printable(l, most)
	}
	return strings.Join(lines, "\n")
}
