package pane

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// osc is a whole operating system command. Those that are not here change colours, folders, files or settings of the
// terminal, show notifications, or mark commands as the user's: they do not pass.
func (f *Filter) osc(text []byte) {
	code, rest, _ := bytes.Cut(text, []byte{';'})
	switch string(code) {
	case "0", "1", "2":
		f.title(string(code), rest)
	case "8":
		f.hyperlink(rest)
	case "52":
		f.clipboard(rest)
	case "4":
		f.palette(rest)
	case "10", "12":
		f.colour(string(code), rest, "d0d0/d0d0/d0d0")
	case "11":
		f.colour("11", rest, "0000/0000/0000")
	}
}

// maxTitle is what of a title is shown, in bytes.
const maxTitle = 256

func (f *Filter) title(code string, text []byte) {
	s := printable(string(text[:min(len(text), maxText)]))
	if len(s) > maxTitle {
		s = strings.ToValidUTF8(s[:maxTitle], "")
	}
	f.keepTitle()
	f.pass("\x1b]%s;%s\x1b\\", code, s)
}

// keepTitle has the terminal remember the title from before, once.
func (f *Filter) keepTitle() {
	if !f.titled {
		f.titled = true
		f.pass("\x1b[22;0t")
	}
}

// printable leaves out what is not seen, such as control characters and those that turn the direction of writing.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
}

// maxURI is what terminals take.
const maxURI = 2083

var (
	linkID  = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
	schemes = []string{"http", "https", "mailto"}
)

// hyperlink passes links of the web. Others, such as those to files, open on the user's machine what the program chose; a
// name and password in one makes it look like another's.
func (f *Filter) hyperlink(rest []byte) {
	params, uri, _ := strings.Cut(string(rest), ";")
	if uri == "" || !safeURI(uri) {
		f.link = false
		f.pass("\x1b]8;;\x1b\\")
		return
	}
	id := ""
	for _, p := range strings.Split(params, ":") {
		if v, ok := strings.CutPrefix(p, "id="); ok && linkID.MatchString(v) {
			id = p
		}
	}
	f.link = true
	f.pass("\x1b]8;%s;%s\x1b\\", id, uri)
}

func safeURI(uri string) bool {
	if len(uri) > maxURI || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return false
	}
	u, err := url.Parse(uri)
	return err == nil && u.User == nil && slices.Contains(schemes, strings.ToLower(u.Scheme))
}

// clipboard passes text that is to be copied. What is on the clipboard is never told: the answer is that it is empty.
func (f *Filter) clipboard(rest []byte) {
	target, data, ok := bytes.Cut(rest, []byte{';'})
	if !ok || len(target) > 8 || len(bytes.Trim(target, "cpqs01234567")) > 0 {
		return
	}
	if string(data) == "?" {
		f.answer("\x1b]52;%s;%s", target, f.ender)
		return
	}
	text, err := base64.StdEncoding.DecodeString(string(data))
	if err != nil || len(text) == 0 || len(data) > maxCopy || !pasteable(text) || f.o.Clipboard == nil || !f.o.Clipboard(len(text)) {
		return
	}
	f.pass("\x1b]52;%s;%s\x1b\\", target, base64.StdEncoding.EncodeToString(text))
}

// pasteable reports whether text has no control characters that would act on a program it is pasted into.
func pasteable(text []byte) bool {
	return utf8.Valid(text) && !bytes.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' && r != '\r' || r >= 0x7f && r < 0xa0
	})
}

// palette answers what a color of the palette is, by the usual one.
func (f *Filter) palette(rest []byte) {
	parts := strings.Split(string(rest), ";")
	for i := 0; i+1 < len(parts) && i < 2*256; i += 2 {
		n, err := strconv.Atoi(parts[i])
		if err == nil && n >= 0 && n < 256 && parts[i+1] == "?" {
			f.answer("\x1b]4;%d;rgb:%s%s", n, usual(n), f.ender)
		}
	}
}

func (f *Filter) colour(code string, rest []byte, is string) {
	if string(rest) == "?" {
		f.answer("\x1b]%s;rgb:%s%s", code, is, f.ender)
	}
}
