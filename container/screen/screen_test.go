package screen

import (
	"fmt"
	"strings"
	"testing"
)

// TestText: what programs wrote, and what their terminals showed. The first are from recordings of agents.
func TestText(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"an answer that moves on by columns", "●\x1b[3G\x1b[39mSTANDIN-ANSWERS\r\x1b[2B✻ Worked for 0s", "● STANDIN-ANSWERS\n\n✻ Worked for 0s"},
		{"words by column", "\x1b[3GAuto\x1b[8Gmode\x1b[13Glets\x1b[18Gclaude", "  Auto mode lets claude"},
		{"an inline frame drawn again", "❯ hi\r\n─────\r\n  ? help\x1b[2K\x1b[1A\x1b[2K\x1b[1A\x1b[2K\x1b[G● answer\r\n❯ \r\n─────", "● answer\n❯\n─────"},
		{
			"history put above a viewport by a scroll region", "\x1b[1;38H" + strings.Repeat("\r\n", 37) + "viewport\x1b[1;37r\x1b[37;1H\r\nhistory 1\r\nhistory 2\x1b[r\x1b[39;1H",
			strings.Repeat("\n", 37) + "history 1\nhistory 2\nviewport\n",
		},
		{"the alternate screen, still there", "$ vi\r\n\x1b[?1049h\x1b[H\x1b[2J~\r\n~\x1b[5;3Htext", "$ vi\n~\n~\n\n\n  text\n"},
		{"the alternate screen, left at the end", "$ agent\r\n\x1b[?1049h\x1b[2;2Hanswer\x1b[?1049l\x1b[?25h\x1b[0m", "$ agent\n\n answer\n"},
		{"the alternate screen, gone", "$ less\r\n\x1b[?1049hpage\x1b[?1049l$ ", "$ less\n$ "},
		{"a screen erased is kept", "one\r\ntwo\r\n\x1b[H\x1b[2J\x1b[3J$ three", "one\ntwo\n$ three"},
		{"history is not erased, and the screen not with it", "one\r\n\x1b[3Jtwo", "one\ntwo"},
		{
			"a screen drawn again is shown once", "Welcome!\r\n> a\r\nanswer 1\r\n\x1b[2J\x1b[3J\x1b[HWelcome!\r\n> a\r\nanswer 1\r\nanswer 2\x1b[2J\x1b[HWelcome!!\r\n> a\r\n answer 1\r\nanswer 2\r\nanswer 3",
			"Welcome!!\n> a\n answer 1\nanswer 2\nanswer 3",
		},
		{"a line broken at the edge", strings.Repeat("0123456789", 30) + "\r\nnext\r\n", strings.Repeat("0123456789", 30) + "\nnext\n"},
		{"a full row is no broken line", strings.Repeat("─", 120) + "\r\nnext", strings.Repeat("─", 120) + "\nnext"},
		{"a wide character at the edge", strings.Repeat("x", 119) + "日本\r\n", strings.Repeat("x", 119) + "日本\n"},
		{"half of a wide character overwritten", "日本\x1b[2Gx", " x本"},
		{"combining and joined characters", "e\u0301 👩\u200d🚀\r\n", "e\u0301 👩\u200d🚀\n"},
		{"sizes told by the recorder", "\x1b[8;5;10tabcdefghijkl\r\n\x1b[8;5;20tabcdefghijkl\r\n", "abcdefghijkl\nabcdefghijkl\n"},
		{"the position depends on the size", "\x1b[8;3;20t\x1b[99;1Hlast", "\n\nlast"},
		{"smaller, and nothing is lost", "1\r\n2\r\n3\r\n4\r\n\x1b[8;2;20t5\r\n", "1\n2\n3\n4\n5\n"},
		{"line drawing", "\x1b(0lqk\x1b(B q\x0eq\x0f", "┌─┐ qq"},
		{"insert and delete", "abcdef\x1b[3G\x1b[2P\x1b[1@X\x1b[4hY\x1b[4l", "abXYef"},
		{"erase characters, repeat, tab stops back", "abcdef\x1b[3G\x1b[2X\x1b[7G-\x1b[3b\x1b[Z!", "ab  ef--!-"},
		{"insert and delete lines", "a\r\nb\r\nc\x1b[1;1H\x1b[L\x1b[3;1H\x1b[M", "\na\nc"},
		{"saved cursor, up, reverse index", "ab\x1b7\r\n\r\nc\x1b8d\x1b[2B\x1bMe", "abd\n   e\nc\n"},
		{"tabs stay", "a\tb\r\n\tc\r\n", "a\tb\n\tc\n"},
		{"a title is no text, nor one that is never ended", "\x1b]0;a\x1b\\b\r\n\x1b]0;lost\r\nc", "b\n\nc"},
		{"begins in the middle of a sequence and of a character", "9;1Ha\r\n\x97\xa5b\xe6\x1b[Kc\r\n", "9;1Ha\nb\ufffdc\n"},
		{"spaces at the end", "a   \r\nb  \r\n$ ", "a\nb\n$ "},
	} {
		if got := Text([]byte(c.raw)); got != c.want {
			t.Errorf("%s:\n%q\n%q", c.name, got, c.want)
		}
	}
}

// TestManyLines: a log's whole text is there, and in a moment.
func TestManyLines(t *testing.T) {
	var raw, want strings.Builder
	for i := 0; raw.Len() < 16<<20; i++ {
		fmt.Fprintf(&raw, "\x1b[32mline %d\x1b[0m 10%%\rline %d of the build, compiling something or other\r\n", i, i)
		fmt.Fprintf(&want, "line %d of the build, compiling something or other\n", i)
	}

	if got := Text([]byte(raw.String())); got != want.String() {
		t.Error("it differs")
	}
}

// TestHostile: nothing that is written makes reading it take long.
func TestHostile(t *testing.T) {
	for _, seq := range []string{
		"\n", "\x1b[2J", "\x1b[500S", "\x1b[500T", "\x1b[500L", "x\x1b[999b", "\x1b[999Gx\x1b[2K", "\x1b[999@", "x\x1b[H\x1b[J",
		"\x1b[2;499r\x1b[499H\n", "\x1b[?1049hx\x1b[?1049l", "\x1b[8;1;1t\x1b[8;500;1000t", "\x1bcx", "x\u0301\u0301\u0301", "日",
	} {
		h := newHistory()
		h.digestWhole([]byte("\x1b[8;500;1000t"))
		h.work = maxWork - 1<<16 // most of it was used up before
		h.digestWhole([]byte(strings.Repeat(seq, 1<<13/len(seq))))
		if h.work > maxWork+maxCols*maxRows {
			t.Errorf("%q: work of %d beyond the bound", seq, h.work-maxWork)
		}
		if n := len(h.text()); n > 3*maxHistory {
			t.Errorf("%q gave %d bytes", seq, n)
		}
	}
}

// FuzzScreen: whatever is written, the screen stays whole, and text has no control characters.
func FuzzScreen(f *testing.F) {
	for _, seed := range []string{
		"●\x1b[3G\x1b[39mSTANDIN\r\x1b[2B✻", "\x1b[8;3;10tabc\x1b[2;3r\x1bM\x1bD\x1b[?6h\x1b[99;99H日\x1b[4h本\x1b[1J", "a\tb\x1b[3G\x1b[P\x1b[X\x1b[@\x1b[5b\x1b[Z\x1b[I",
		"\x1b7\x1b[?1049h\x1b[L\x1b[M\x1b8\x1b[?47l\x1bc\x1b[!p\x1b(0q\x0e\x0f", "\x1b[S\x1b[T\x1b[8;1;1t日\x1b[?7lxx\u0301\x1b[2J\x1b[3J",
	} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, raw []byte, cut int) {
		h := newHistory()
		h.digestWhole(raw)
		if h.x < 0 || h.x >= h.cols || h.y < 0 || h.y >= h.rows || len(h.main.rows) != h.rows || len(h.alt.rows) != h.rows || h.top < 0 || h.bottom > h.rows || h.top >= h.bottom {
			t.Fatalf("%+v", h.terminal)
		}
		for _, c := range h.text() {
			if c < ' ' && c != '\n' && c != '\t' || c >= 0x7f && c < 0xa0 {
				t.Fatalf("%q", c)
			}
		}
		cut = clamp(cut, 0, len(raw))
		fo, _ := NewFollower(raw[:cut])
		fo.digestWhole(raw[cut:])
		fo.Rest()
	})
}

// digestWhole is write that does not get over a panic.
func (t *terminal) digestWhole(b []byte) {
	for _, c := range b {
		t.step(c)
	}
}

// follow gives what a follower writes for each piece, and at the end.
func follow(before string, pieces ...string) []string {
	f, text := NewFollower([]byte(before))
	out := []string{text}
	for _, p := range pieces {
		out = append(out, string(f.Write([]byte(p))))
	}
	return append(out, string(f.Rest()))
}

func TestFollower(t *testing.T) {
	screenful := strings.Repeat("line\r\n", 40)
	for _, c := range []struct {
		name string
		got  []string
		want []string
	}{
		{"lines come when they end", follow("a\r\nb", "c\r\n", "10%\r20", "%\r30%\r\n", "$ "), []string{"a\nb", "c\n", "", "30%\n", "", "$ "}},
		{"a prompt that was given goes on", follow("name? ", "Ada\r\nhello\r\n"), []string{"name? ", "Ada\nhello\n", ""}},
		{"a prompt that was given is left", follow("name? ", "\r\nhello\r\n"), []string{"name? ", "\nhello\n", ""}},
		{"a prompt that was given is erased", follow("name? ", "\r\x1b[Khello\r\n"), []string{"name? ", "\nhello\n", ""}},
		{"a long line is one", follow("", strings.Repeat("x", 200)+"\r\n"), []string{"", strings.Repeat("x", 200) + "\n", ""}},
		{"a program that draws gives its screen at the end", follow("", "\x1b[2;1Hb\x1b[1;1Ha\r\n\x1b[2K", "B"), []string{"", "", "", "a\nB"}},
		{"and what scrolls off before", follow("", "\x1b[40;1Hz\x1b[1;1Ha\x1b[40;1H\r\n"), []string{"", "a\n", strings.Repeat("\n", 38) + "z\n"}},
		{"after a screen of lines it gives lines again", follow("", "\x1b[2;1H\x1b[1;1H"+screenful, "more\r\n"), []string{"", strings.ReplaceAll(screenful, "\r", ""), "more\n", ""}},
		{"the alternate screen comes at the end", follow("a\r\n", "\x1b[?1049hpage", "d"), []string{"a\n", "", "", "\npaged\n"}},
	} {
		if fmt.Sprintf("%q", c.got) != fmt.Sprintf("%q", c.want) {
			t.Errorf("%s:\n%q\n%q", c.name, c.got, c.want)
		}
	}
}
