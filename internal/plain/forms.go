package plain

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxMessage bounds a text that is shown as a message: far more than a person reads.
const MaxMessage = 16 << 10

// Clip is s, cut to at most most bytes, the word about the rest included. most is 100 or more.
func Clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	n := most - len(" … (9223372036854775807 more bytes)")
	for end := n - utf8.UTFMax; n > end && !utf8.RuneStart(s[n]); {
		n--
	}
	return s[:n] + fmt.Sprintf(" … (%d more bytes)", len(s)-n)
}

// Short is s as one line of at most most bytes: for a name in a message, or a step in a progress.
func Short(s string, most int) string { return Clip(Line(Clip(s, most)), most) }

// Message is s as lines of at most [MaxMessage] bytes.
func Message(s string) string { return Clip(Text(Clip(s, MaxMessage)), MaxMessage) }

// Notice is [Message] for an editor's notification. Some editors make links of
// "[x](command:y)" there, and a click on such a link runs the command.
func Notice(s string) string {
	return strings.ReplaceAll(Message(s), "](", "] (")
}

// bare are words that no shell changes.
var bare = regexp.MustCompile(`^[A-Za-z0-9@%+:,./_-][A-Za-z0-9@%+=:,./_-]*$`)

// Shell is a command line that a shell (sh, bash, zsh) takes for exactly these words. One with characters that are not seen
// spells them out, as bash, zsh and ksh read it.
func Shell(argv ...string) string {
	words := make([]string, 0, len(argv))
	for _, w := range argv {
		words = append(words, shellWord(w))
	}
	return strings.Join(words, " ")
}

func shellWord(w string) string {
	switch {
	case bare.MatchString(w):
		return w
	case strings.ContainsFunc(w, Hidden) || !utf8.ValidString(w):
		return ansiC(w)
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// ansiC is the quoting of bash that knows escapes.
func ansiC(w string) string {
	var b strings.Builder
	b.WriteString("$'")
	for i := 0; i < len(w); {
		r, size := utf8.DecodeRuneInString(w[i:])
		switch {
		case r == utf8.RuneError && size == 1, Hidden(r):
			for _, c := range []byte(w[i : i+size]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
			// a digit that follows must not be taken for one more of the number
			if i+size < len(w) && strings.IndexByte("0123456789abcdefABCDEF", w[i+size]) >= 0 {
				b.WriteString("'$'")
			}
		case r == '\'' || r == '\\':
			b.WriteString(`\` + string(r))
		default:
			b.WriteString(w[i : i+size])
		}
		i += size
	}
	return b.String() + "'"
}

// JSON is b, a text in JSON, with everything in its strings escaped that would not be seen or would act on a terminal. It
// says exactly the same.
func JSON(b []byte) []byte {
	var out []byte
	done := 0
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf && b[i] != 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if Hidden(r) {
			out = append(out, b[done:i]...)
			out = appendEscaped(out, r)
			done = i + size
		}
		i += size
	}
	if done == 0 {
		return b
	}
	return append(out, b[done:]...)
}

func appendEscaped(b []byte, r rune) []byte {
	units := []rune{r}
	if r > 0xffff {
		hi, lo := utf16.EncodeRune(r)
		units = []rune{hi, lo}
	}
	for _, u := range units {
		hex := strconv.FormatInt(int64(u), 16)
		b = append(b, `\u`...)
		b = append(b, "0000"[:4-len(hex)]...)
		b = append(b, hex...)
	}
	return b
}
