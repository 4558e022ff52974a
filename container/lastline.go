package container

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

const (
	// maxLastRead bounds what LastLine reads of a log: some screens full.
	maxLastRead = 64 << 10
	// maxLastLines bounds how far it looks up.
	maxLastLines = 60
	// footer is how many lines an agent has below the box that its user types in.
	footer = 4
)

// LastLine is the last line in which a session's program says something, "" where it said nothing: without the box that its user types
// in, which is the last thing on the screen of most agents.
func LastLine(runDir, session string) string {
	if !sessionName.MatchString(session) {
		return ""
	}
	root, err := os.OpenRoot(runDir)
	if err != nil {
		return ""
	}
	defer root.Close()
	return lastSaid(LastLines(Plain(tailOf(root, filepath.Join(shim.SessionsDir, session, shim.LogFile))), maxLastLines))
}

// tailOf is the end of a file, from a line that is whole.
func tailOf(root *os.Root, name string) []byte {
	f, err := distrust.Open(root, name)
	if err != nil {
		return nil
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil
	}
	from := max(fi.Size()-maxLastRead, 0)
	b, err := io.ReadAll(io.NewSectionReader(f, from, maxLastRead))
	if err != nil {
		return nil
	}
	if from == 0 {
		return b
	}
	_, whole, _ := bytes.Cut(b, []byte{'\n'})
	return whole
}

// lastSaid finds the line in a screen.
func lastSaid(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	lines = lines[:aboveBox(lines)]
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.ContainsFunc(lines[i], wordy) && !ruled(lines[i]) {
			return strings.Join(strings.Fields(strings.TrimFunc(lines[i], decorates)), " ")
		}
	}
	return ""
}

// aboveBox is how many lines stand above the box at the end, all where there is none.
func aboveBox(lines []string) int {
	var rules []int
	for i, line := range lines {
		if ruled(line) {
			rules = append(rules, i)
		}
	}
	n := len(rules)
	if n < 2 || rules[n-1] < len(lines)-1-footer {
		return len(lines)
	}
	return rules[n-2]
}

// ruled reports whether a line is mostly drawn, as the edge of a box is.
func ruled(line string) bool {
	drawn, all := 0, 0
	for _, r := range line {
		switch {
		case r >= 0x2500 && r <= 0x257f:
			drawn++
			all++
		case !unicode.IsSpace(r):
			all++
		}
	}
	return drawn >= 8 && 2*drawn > all
}

func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// decorates reports whether a character before or behind what is said is of no matter: spaces, edges, blocks and bullets.
func decorates(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x2500 && r <= 0x25ff || r >= 0x23e9 && r <= 0x23fa || strings.ContainsRune("●•✻✳✽✶✢⎿⏺*>", r)
}
