package agents

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFirstWords(t *testing.T) {
	for prompt, want := range map[string]string{
		"Fix the login test":                "fix-the-login-test",
		"don't panic!  (ever)":              "dont-panic-ever",
		"one two three four five six seven": "one-two-three-four-five-six",
		"Füge Prüfungen hinzu":              "füge-prüfungen-hinzu",
		"../../etc ~^:?*[\\ @{u}.lock":      "etc-u-lock",
		"!!!":                               "work",
		"":                                  "work",
		strings.Repeat("x", 100):            strings.Repeat("x", 40),
		strings.Repeat("é", 100):            strings.Repeat("é", 20),
		"a" + strings.Repeat("é", 99):       "a" + strings.Repeat("é", 19),
	} {
		if got := firstWords(prompt); got != want || !utf8.ValidString(got) {
			t.Errorf("%q: %q, not %q", prompt, got, want)
		}
	}
}
