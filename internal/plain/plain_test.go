package plain_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// TestHostileText: what acts on a terminal or is not seen is spelled out, and what people write stays.
func TestHostileText(t *testing.T) {
	for _, c := range []struct{ in, line, text string }{
		{"fix/login", "fix/login", "fix/login"},
		{"a\x1b]0;title\x07b", `a\x1b]0;title\ab`, `a\x1b]0;title\ab`},
		{"a\x1b[31mred\x1b[0m", `a\x1b[31mred\x1b[0m`, "ared"},
		{"a\x1b[2Jb", `a\x1b[2Jb`, `a\x1b[2Jb`},
		{"a\u009b2Jb\u0085", `a\u009b2Jb\u0085`, `a\u009b2Jb\u0085`},
		{"one\ntwo\r\nthree\rfour\tfive", `one\ntwo\r\nthree\rfour\tfive`, "one\ntwo\nthree\nfour\tfive"},
		{"user\u202etxt.exe", `user\u202etxt.exe`, `user\u202etxt.exe`},
		{"\u2066a\u2069\u200e\u200f\u061c", `\u2066a\u2069\u200e\u200f\u061c`, `\u2066a\u2069\u200e\u200f\u061c`},
		{"ma\u200bin\ufeff\u00ad\u2060\u3164", `ma\u200bin\ufeff\u00ad\u2060\u3164`, `ma\u200bin\ufeff\u00ad\u2060\u3164`},
		{"tag\U000e0041", `tag\U000e0041`, `tag\U000e0041`},
		{"a\u2028b\u2029c", `a\u2028b\u2029c`, `a\u2028b\u2029c`},
		{"bad\xff\xfe", `bad\xff\xfe`, "bad\uFFFD\uFFFD"},
		{"DEL\x7fNUL\x00", `DEL\x7fNUL\x00`, `DEL\x7fNUL\x00`},
		{"a\u200db", `a\u200db`, `a\u200db`},
		{"👩‍💻 👍🏽 🏳️‍🌈 ❤️ 1️⃣", "👩‍💻 👍🏽 🏳️‍🌈 ❤️ 1️⃣", "👩‍💻 👍🏽 🏳️‍🌈 ❤️ 1️⃣"},
		{"می\u200cخواهم क्\u200dष עברית ünï 日本", "می\u200cخواهم क्\u200dष עברית ünï 日本", "می\u200cخواهم क्\u200dष עברית ünï 日本"},
	} {
		if got := plain.Line(c.in); got != c.line {
			t.Errorf("Line(%q) is %q, not %q", c.in, got, c.line)
		}
		if got := plain.Text(c.in); got != c.text {
			t.Errorf("Text(%q) is %q, not %q", c.in, got, c.text)
		}
		for size := 1; size <= 4; size++ { // in pieces it is the same
			var b bytes.Buffer
			w := plain.NewWriter(&b)
			for rest := []byte(c.in); len(rest) > 0; rest = rest[min(size, len(rest)):] {
				if _, err := w.Write(rest[:min(size, len(rest))]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Flush(); err != nil || b.String() != c.text {
				t.Errorf("%q in pieces of %d: %q %v", c.in, size, b.String(), err)
			}
		}
	}
}

// TestShellTakesTheWords: bash and sh get the very words back, whatever is in them.
func TestShellTakesTheWords(t *testing.T) {
	words := []string{
		"fix/login", "", "a b", "$(touch PWNED)", "`id`", "it's", `"q"`, `back\slash`, "a;b|c&d>e<f", "~", "#x", "-n", "*?[]{}!", "=ls", "a\nb",
		"esc\x1b[31m", "\u202erev", "\x1bf00", "zero\x00x"[:4], "bad\xffbyte", "'", "ünï",
	}
	line := plain.Shell(append([]string{"printf", `%s\000`}, words...)...)
	if strings.ContainsFunc(line, plain.Hidden) || !utf8.ValidString(line) {
		t.Errorf("%q is not plain", line)
	}
	out, err := exec.Command("bash", "-c", line).Output()
	if err != nil || string(out) != strings.Join(words, "\x00")+"\x00" {
		t.Errorf("bash: %q %v", out, err)
	}
	var seen []string
	for _, w := range words {
		if utf8.ValidString(w) && !strings.ContainsFunc(w, plain.Hidden) {
			seen = append(seen, w)
		}
	}
	out, err = exec.Command("sh", "-c", plain.Shell(append([]string{"printf", `%s\000`}, seen...)...)).Output()
	if err != nil || string(out) != strings.Join(seen, "\x00")+"\x00" {
		t.Errorf("sh: %q %v", out, err)
	}
	naive, err := exec.Command("bash", "-c", "printf %s $(echo ran)").Output() // the control: unquoted, a name runs
	if err != nil || string(naive) != "ran" {
		t.Errorf("the control: %q %v", naive, err)
	}
}

// TestJSONStaysExact: what is escaped reads as it was.
func TestJSONStaysExact(t *testing.T) {
	in := map[string]string{"x": "a\u009b\u202e\x1b\x7f\U000e0041é\u2028\"\\👩‍💻"}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	got := plain.JSON(b)
	var out map[string]string
	if err := json.Unmarshal(got, &out); err != nil || out["x"] != in["x"] {
		t.Errorf("%q %v", out["x"], err)
	}
	if strings.ContainsFunc(string(got), plain.Hidden) || !strings.Contains(string(got), "é") {
		t.Errorf("%s", got)
	}
	if !strings.ContainsFunc(string(b), plain.Hidden) {
		t.Error("the control: encoding/json escapes it all by itself")
	}
}

func TestClip(t *testing.T) {
	long := strings.Repeat("é", 10000) + "\x1b"
	for _, got := range []string{plain.Clip(long, 1001), plain.Short(long, 1001), plain.Short(strings.Repeat("\x1b", 5000), 1001)} {
		if len(got) > 1001 || !utf8.ValidString(got) || !strings.HasSuffix(got, "more bytes)") || plain.Short(got, 1001) != got {
			t.Errorf("%d bytes: %q", len(got), got[len(got)-40:])
		}
	}
	if got := plain.Notice("[click](command:evil) " + strings.Repeat("x", 1<<20)); len(got) > plain.MaxMessage+10 || strings.Contains(got, "](") {
		t.Errorf("%.80q", got)
	}
}

// TestLogLinesCannotBeForged: an entry is one line, whatever its message and fields have in them.
func TestLogLinesCannotBeForged(t *testing.T) {
	evil := "x\n2026-01-01 INFO forged\x1b[2J\u202e"
	write := func(wrap func(zapcore.Encoder) zapcore.Encoder) string {
		var b bytes.Buffer
		enc := wrap(zapcore.NewConsoleEncoder(zap.NewProductionEncoderConfig()))
		zap.New(zapcore.NewCore(enc, zapcore.AddSync(&b), zapcore.InfoLevel)).With(zap.String("with", evil)).Info(evil, zap.String("field", evil))
		return b.String()
	}
	got := write(plain.Encoder)
	if strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\x1b\u202e") || strings.Count(got, "\t") < 2 {
		t.Errorf("%q", got)
	}
	if naive := write(func(e zapcore.Encoder) zapcore.Encoder { return e }); strings.Count(naive, "\n") == 1 {
		t.Errorf("the control: %q", naive)
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\x1b[31mb\r\n\xff\u200d")
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{plain.Line(s), plain.Text(s)} {
			for _, r := range strings.NewReplacer("\n", "", "\t", "").Replace(got) {
				if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
					t.Fatalf("%q has %U", got, r)
				}
			}
			if !utf8.ValidString(got) {
				t.Fatalf("%q", got)
			}
		}
	})
}

// TestFit: what is cut fits in JSON, by lines, and what fits is whole.
func TestFit(t *testing.T) {
	for _, s := range []string{
		strings.Repeat("a line\n", 1000), strings.Repeat(`"`, 5000), strings.Repeat("\x01", 3000), strings.Repeat("é\u2028😀\xff\\\t", 700),
		strings.Repeat("x", 3000) + "\n" + strings.Repeat("y", 3000),
	} {
		for name, fit := range map[string]func(string, int) (string, bool){"head": plain.Head, "tail": plain.Tail} {
			got, cut := fit(s, 4000)
			if n := encoded(t, got); !cut || n > 4000+2 || n < 1500 {
				t.Errorf("the %s of %.20q: %d bytes", name, s, n)
			}
			if name == "head" && !strings.HasPrefix(s, got) || name == "tail" && !strings.HasSuffix(s, got) {
				t.Errorf("the %s of %.20q is %.20q", name, s, got)
			}
			if whole, cut := fit(s, encoded(t, s)-2); cut || whole != s {
				t.Errorf("%.20q is cut where it fits", s)
			}
		}
	}
	if got, _ := plain.Tail("one\ntwo\nthree\n", 11); got != "three\n" {
		t.Errorf("%q", got)
	}
	if got, _ := plain.Head("one\ntwo\nthree\n", 11); got != "one\ntwo\n"[:4+4] {
		t.Errorf("%q", got)
	}
}

func encoded(t *testing.T, s string) int {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	return b.Len() - 1
}
