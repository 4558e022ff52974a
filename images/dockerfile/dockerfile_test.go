package dockerfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gilmanlab/hjk-ls/images/dockerfile"
)

func TestInstructionsHaveTheirExactRange(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"one line":        {"FROM a\nRUN b\n", "RUN b"},
		"no newline":      {"FROM a\nRUN b", "RUN b"},
		"indented":        {"FROM a\n  run b  \n", "run b"},
		"CRLF":            {"FROM a\r\nRUN b \\\r\n  c\r\nCMD d\r\n", "RUN b \\\r\n  c"},
		"continued":       {"FROM a\nRUN b \\\n  c \\\n  d\nCMD e\n", "RUN b \\\n  c \\\n  d"},
		"comment inside":  {"FROM a\nRUN b \\\n# no\n  c\n\nCMD e\n", "RUN b \\\n# no\n  c"},
		"heredoc":         {"FROM a\nRUN <<EOT\nb\n\nc\nEOT\nCMD d\n", "RUN <<EOT\nb\n\nc\nEOT"},
		"escape":          {"# escape=`\nFROM a\nRUN b `\n c\nCMD d\n", "RUN b `\n c"},
		"not ASCII":       {"FROM a\nRUN echo 日本語😀\n", "RUN echo 日本語😀"},
		"byte order mark": {"\xef\xbb\xbfRUN b\n", "RUN b"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := dockerfile.Parse([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			for _, in := range f.Instructions {
				if in.Keyword == "RUN" {
					if got := c.text[in.Start:in.End]; got != c.want {
						t.Fatalf("%q, not %q", got, c.want)
					}
					return
				}
			}
			t.Fatalf("no RUN in %v", f.Instructions)
		})
	}
}

func TestLayoutDoesNotChangeWhatIsSaid(t *testing.T) {
	a, err := dockerfile.Parse([]byte("FROM a AS One\nRUN x   && \\\n  # why\n     y\nCOPY <<E /f\n  in\nE\n"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := dockerfile.Parse([]byte("# what\nfrom   a AS One\n\nrun x && y\nCOPY <<E  /f\n  in\nE\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(texts(a), texts(b)); diff != "" {
		t.Fatal(diff)
	}
	if a.Stages[0].Name != "one" || a.Stages[0].Base != "a" {
		t.Fatalf("stage %+v", a.Stages[0])
	}
}

func TestMatch(t *testing.T) {
	f, err := dockerfile.Parse([]byte("FROM a\nRUN new\nRUN same\nRUN same\nCMD x\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		old  []string
		want []int
	}{
		{[]string{"FROM a", "RUN same", "RUN same", "CMD x"}, []int{0, 2, 3, 4}},
		{[]string{"FROM a", "RUN gone", "RUN same", "CMD x"}, []int{0, -1, 2, 4}},
		{[]string{"FROM b", "CMD x", "RUN same"}, []int{-1, 4, -1}},
		{nil, []int{}},
	} {
		if diff := cmp.Diff(c.want, f.Match(c.old)); diff != "" {
			t.Errorf("%v: %s", c.old, diff)
		}
	}
}

func texts(f dockerfile.File) []string {
	var all []string
	for _, in := range f.Instructions {
		all = append(all, in.Text)
	}
	return all
}

// TestMatchOfALongFile: of a file as long as anybody can write it what is the same is found, in memory and time of its length.
func TestMatchOfALongFile(t *testing.T) {
	text := "FROM x\n" + strings.Repeat("RUN a\nENV b=1\n", 15_000)
	f, err := dockerfile.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var old []string
	for _, in := range f.Instructions {
		old = append(old, in.Text)
	}
	old[20_000] = "RUN other"
	found := f.Match(old)
	for i, at := range found {
		if want := i; i == 20_000 && at != -1 || i != 20_000 && at != want {
			t.Fatalf("%d is found at %d", i, at)
		}
	}
}
