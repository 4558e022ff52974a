package pane

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"
)

// through filters what is said in pieces of n bytes, and gives what passed, what was answered and what puts it back.
func through(n int, said string) (passed, answered, restored string) {
	var shown, back bytes.Buffer
	f := New(Options{
		Clipboard: func(int) bool { return true }, Answer: func(b []byte) { back.Write(b) },
		Cursor: func() (int, int) { return 3, 7 },
	})
	for b := []byte(said); len(b) > 0; b = b[min(n, len(b)):] {
		shown.Write(f.Filter(b[:min(n, len(b))]))
	}
	return shown.String(), back.String(), string(f.Restore())
}

// TestFilter: what programs say, what of it passes, and what they are answered.
func TestFilter(t *testing.T) {
	for _, c := range []struct{ name, said, passes, answer string }{
		{"text", "plain\r\n\tz\u00fcrich 日本 👩\u200d🚀\a", "plain\r\n\tz\u00fcrich 日本 👩\u200d🚀\a", ""},
		{"colours and moves", "\x1b[1;38:2::1:2:3mx\x1b[H\x1b[2J\x1b[3;4H\x1b[K", "\x1b[1;38:2::1:2:3mx\x1b[H\x1b[2J\x1b[3;4H\x1b[K", ""},
		{"bytes that are no text", "a\x9b31mb\xffc\xe2\x82d", "a\ufffd31mb\ufffdc\ufffdd", ""},
		{"control characters of 8 bits", "\u009b31mred\u009d0;t\u009c", "\x1b[31mred\x1b[22;0t\x1b]0;t\x1b\\", ""},
		{"the answerback message", "a\x05\x00\x7fb", "ab", ""},
		{"copy", "\x1b]52;c;aGVsbG8=\a", "\x1b]52;c;aGVsbG8=\x1b\\", ""},
		{"copy control characters", "\x1b]52;c;G1syMDF+\a", "", ""},
		{"copy what is none", "\x1b]52;c;!\a\x1b]52;c;\a\x1b]52;;;\a\x1b]52;x/y;aGVsbG8=\a", "", ""},
		{"read the clipboard", "\x1b]52;c;?\x1b\\", "", "\x1b]52;c;\x1b\\"},
		{"a link", "\x1b]8;id=a:x=y;https://example.com/a?b#c\x1b\\here\x1b]8;;\a", "\x1b]8;id=a;https://example.com/a?b#c\x1b\\here\x1b]8;;\x1b\\", ""},
		{"links elsewhere", "\x1b]8;;file:///etc/passwd\a1\x1b]8;;vscode://x\a2\x1b]8;;https://bank.example@evil/\a3\x1b]8;;http://x/\u202e\a", strings.Join([]string{"", "1", "2", "3", ""}, "\x1b]8;;\x1b\\"), ""},
		{"titles", "\x1b]2;a\x1b\\\x1b]0;b\u202ec\u0007", "\x1b[22;0t\x1b]2;a\x1b\\\x1b]0;bc\x1b\\", ""},
		{"a title that is never ended", "\x1b]0;lost\r\nc", "\r\nc"[1:], ""},
		{"the title told", "\x1b[21t\x1b[20t\x1b]l\a", "", ""},
		{"the window", "\x1b[3;0;0t\x1b[8;5;5t\x1b[18t\x1b[14t\x1b[9;1t", "", ""},
		{"titles kept", "\x1b[22;2t\x1b[23;2t\x1b[23t", "\x1b[22;0t\x1b[22;0t\x1b[23;0t", ""},
		{"what it is", "\x1b[c\x1b[0c\x1bZ\x1b[>c\x1b[>q\x1b[=c", "", "\x1b[?62;22c\x1b[?62;22c\x1b[?62;22c\x1b[>1;277;0c\x1bP>|hjk-ls\x1b\\\x1bP!|00000000\x1b\\"},
		{"how it is", "\x1b[5n\x1b[6n\x1b[?6n\x1b[?996n\x1b[?15n", "", "\x1b[0n\x1b[3;7R\x1b[?3;7R"},
		{"modes", "\x1b[?2004;25l\x1b[?2026$p\x1b[?25$p\x1b[?69$p\x1b[4$p\x1b[?1004h\x1b[?1004$p", "\x1b[?2004l\x1b[?25l\x1b[?1004h", "\x1b[?2026;2$y\x1b[?25;2$y\x1b[?69;0$y\x1b[4;2$y\x1b[?1004;1$y"},
		{"modes that do not pass", "\x1b[?3h\x1b[?69h\x1b[?2031;2048h\x1b[?1007l\x1b[20h\x1b[?1;2031h", "\x1b[?1h", ""},
		{"colours asked for", "\x1b]11;?\a\x1b]10;?\x1b\\\x1b]4;1;?;255;?\a", "", "\x1b]11;rgb:0000/0000/0000\a\x1b]10;rgb:d0d0/d0d0/d0d0\x1b\\\x1b]4;1;rgb:cdcd/0000/0000\a\x1b]4;255;rgb:eeee/eeee/eeee\a"},
		{"colours set", "\x1b]11;red\a\x1b]4;1;red\a\x1b]104\a\x1b]111\a\x1b]12;red\a", "", ""},
		{"other commands to the terminal", "\x1b]7;file://h/\a\x1b]9;note\a\x1b]777;notify;a;b\a\x1b]1337;File=:AA\a\x1b]133;A\a\x1b]633;E;rm\a\x1b]50;f\a\x1b]99;;x\a", "", ""},
		{"pictures and programs", "\x1b_Gf=100,t=f;L2V0Yw==\x1b\\\x1bPq#0~\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\\x1bPtmux;\x1b\x1b]52;c;?\a\x1b\\", "", "\x1b]52;c;\a"},
		{"settings asked for", "\x1bP$qm\x1b\\\x1bP+q544e\x1b\\\x1b[x\x1b[?4m", "", "\x1bP0$r\x1b\\\x1bP0+r\x1b\\\x1b[>4;0m"},
		{"keys", "\x1b[>1u\x1b[?u\x1b[=2;2u\x1b[?u\x1b[<9u\x1b[?u", "\x1b[>0u\x1b[>1u\x1b[=3;1u\x1b[<1u", "\x1b[?1u\x1b[?3u\x1b[?0u"},
		{"the cursor's style asked for", "\x1bP$q q\x1b\\\x1b[5 q\x1bP$q q\x1b\\", "\x1b[5 q", "\x1bP1$r0 q\x1b\\\x1bP1$r5 q\x1b\\"},
		{"keys left on the other screen", "\x1b[?1049h\x1b[>5u\x1b[?1049l\x1b[?u", "\x1b[?1049h\x1b[>0u\x1b[>5u\x1b[<2u\x1b[?1049l", "\x1b[?0u"},
		{"keys of xterm", "\x1b[>4;2m\x1b[>1;2m\x1b[?4m\x1b[>4n", "\x1b[>4;2m\x1b[>4;0m", "\x1b[>4;2m"},
		{"the screens", "\x1b[?1047h\x1b[?1049h\x1b[?47l\x1b[?1048h", "\x1b[?1049h\x1b[?1049l\x1b7", ""},
		{"character sets", "\x1b(0q\x1b)A\x0eq\x0f\x1b*0\x1b%@\x1b F\x1b#3\x1bN", "\x1b(0q\x1b)B\x0eq\x0f", ""},
		{"tab stops", "\x1b[3g\x1bH", "", ""},
		{"what scrolled away", "\x1b[3J\x1b[2J", "\x1b[2J", ""},
		{"cut off", "\x1b[31\x18a\x1b[3\x1b[32mb\x1b]0;x\x1b[33mc\x1b[1 2md\x1b[<<5me\x1b[1;日f", "a\x1b[32mb\x1b[33mcde日f", ""},
		{"a million times", "\x1b[1000000b\x1b[99999bx\x1b[1;1000000H\x1b[31:0:100000m", "\x1b[99999bx", ""},
		{"too long", "\x1b[" + strings.Repeat("1;", 200) + "mx\x1b]0;" + strings.Repeat("t", 300) + "\ay", "x\x1b[22;0t\x1b]0;" + strings.Repeat("t", 256) + "\x1b\\y", ""},
	} {
		for _, n := range []int{1, 2, 3, 1 << 20} {
			passed, answered, _ := through(n, c.said)
			if passed != c.passes || answered != c.answer {
				t.Errorf("%s, by %d:\n%q\n%q\n%q\n%q", c.name, n, passed, c.passes, answered, c.answer)
			}
		}
	}
}

// TestRestore: whatever was set is undone, in the order that terminals need.
func TestRestore(t *testing.T) {
	always := "\x1b7\x1b[r\x1b8\x1b[4l\x0f\x1b(B\x1b)B\x1b>\x1b[0m"
	for _, c := range []struct{ name, said, want string }{
		{"nothing", "text", always},
		{"a sequence half said", "\x1b[3", always},
		{"modes", "\x1b[?1;7;25;1003;1006;2004;2026l\x1b[?1003;2004h", "\x1b[?7h\x1b[?25h\x1b[?1003l\x1b[?2004l" + always},
		{"keys on both screens", "\x1b[>1u\x1b[?1049h\x1b[>5u\x1b[=7u", "\x1b[<2u\x1b[?1049l\x1b[<2u" + always},
		{"more keys than terminals keep", strings.Repeat("\x1b[>1u", 100), "\x1b[<6u" + always},
		{"origin", "\x1b[3;5r\x1b[?6h", "\x1b[?6l\x1b[r\x1b[999H" + always},
		{"cursor, other keys, a link", "\x1b[5 q\x1b[>4;1m\x1b]8;;https://x/\a", "\x1b[>4m\x1b[0 q\x1b]8;;\x1b\\" + always},
		{"the title", "\x1b]0;a\a\x1b[22t\x1b]0;b\a", always + "\x1b[23;0t\x1b[23;0t"},
		{"a reset", "\x1b]0;a\a\x1b[?2004h\x1bc", always + "\x1b[23;0t"},
	} {
		if _, _, got := through(1, c.said); got != c.want {
			t.Errorf("%s:\n%q\n%q", c.name, got, c.want)
		}
	}
}

// TestModes: a terminal that comes later is set to what the program has set.
func TestModes(t *testing.T) {
	f := New(Options{})
	f.Filter([]byte("\x1b[2;5r\x1b[?1;2004h\x1b[4h\x1b=\x1b)0\x0e\x1b[>4;2m\x1b[3 q\x1b[>5u\x1b[?7l"))
	later := New(Options{})
	later.Filter([]byte("\x1b[?1003h\x1b[>9u\x1b[?1h"))
	later.Filter(f.Modes(true))
	later.colours, later.main = f.colours, later.main[1:] // a base of its own
	if a, b := fmt.Sprint(f.terms), fmt.Sprint(later.terms); a != b {
		t.Errorf("%s\n%s", a, b)
	}
}

// mouse is how a terminal has it for which the modes of the mouse are one value, and so are the forms of its reports: xterm, kitty,
// xterm.js.
func mouse(said string) (mode, form int) {
	for _, m := range regexp.MustCompile(`\x1b\[\?(\d+)([hl])`).FindAllStringSubmatch(said, -1) {
		n, _ := strconv.Atoi(m[1])
		set := n
		if m[2] == "l" {
			set = 0
		}
		switch n {
		case 9, 1000, 1002, 1003:
			mode = set
		case 1005, 1006, 1015, 1016:
			form = set
		}
	}
	return mode, form
}

// TestModesOfTheMouse: a terminal that comes later reports the mouse as the program asked for.
func TestModesOfTheMouse(t *testing.T) {
	for _, c := range []struct {
		said       string
		mode, form int
	}{
		{"\x1b[?1000h\x1b[?1006h", 1000, 1006},
		{"\x1b[?1002;1006h", 1002, 1006},
		{"\x1b[?1000h\x1b[?1002h\x1b[?1003h\x1b[?1015h\x1b[?1006h", 1003, 1006},
		{"\x1b[?1006;1016;1003h", 1003, 1016},
		{"\x1b[?1006;1003h\x1b[?1003;1006l", 0, 0},
	} {
		f := New(Options{})
		f.Filter([]byte(c.said))
		if mode, form := mouse(string(f.Modes(false))); mode != c.mode || form != c.form {
			t.Errorf("%q becomes %d in the form %d", c.said, mode, form)
		}
	}
	// By their numbers, they would take each other away.
	if mode, form := mouse("\x1b[?1000h\x1b[?1002l\x1b[?1003l\x1b[?1006h\x1b[?1016l"); mode != 0 || form != 0 {
		t.Errorf("the terminal of this test is none: %d, %d", mode, form)
	}
}

// FuzzFilter: whatever is said, in whatever pieces, a terminal is not asked, is in no sequence's middle at any time, and what
// passed passes again unchanged.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		"\x1b[c\x1b]52;c;?\a", "\x1b[?1049h\x1b[>1u日\u009b6n", "\x1b]8;;https://x/\x1b\\\x1bP$qm\x1b\\", "\x1b]0;\xc2\x9c\x1b[21t\x1b[1 q", "\x1b[!p\x1bc\x1b(0\x0e", "\x1b]52;c;aGVsbG8=\a\xff\x9b",
	} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, said []byte, n int) {
		n = max(1, min(n, len(said)))
		passed, _, restored := through(n, string(said))
		if whole, _, _ := through(len(said)+1, string(said)); whole != passed {
			t.Fatalf("in pieces of %d: %q, whole: %q", n, passed, whole)
		}
		all := passed + restored
		again, answered, _ := through(len(all)+1, passed)
		if answered != "" {
			t.Fatalf("the terminal is asked: %q", passed)
		}
		if strings.Contains(passed, "\x1b[>0u") || strings.Contains(passed, "\x1b[22;0t") { // what the filter adds of its own, once
			again = passed
		}
		if again != passed {
			t.Fatalf("%q, then %q", passed, again)
		}
		asked(t, all)
	})
}

// asked has another's terminal read what passed: it must have nothing to say, and be as a new one.
func asked(t *testing.T, passed string) {
	em := vt.NewEmulator(20, 5)
	said := make(chan []byte)
	go func() {
		buf := make([]byte, 256)
		n, _ := em.Read(buf)
		said <- buf[:n]
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }() // the emulator's own faults
		_, _ = em.Write([]byte(passed))
	}()
	select {
	case b := <-said:
		t.Fatalf("%q has the terminal say %q", passed, b)
	case <-done:
	}
	if em.IsAltScreen() {
		t.Fatalf("%q leaves the alternate screen", passed)
	}
	_ = em.InputPipe().(interface{ Close() error }).Close()
	<-said
}

func BenchmarkFilter(b *testing.B) {
	for name, line := range map[string]string{
		"plain": "compiling something or other, line 12345 of the build\r\n", "coloured": "\x1b[32mok\x1b[0m  \x1b[1;34msrc/main.go\x1b[0m compiled in \x1b[33m12ms\x1b[0m\r\n", "wide": "überprüfe die Größe der Länder — 日本語\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			said := []byte(strings.Repeat(line, 32<<10/len(line)))
			f := New(Options{})
			b.SetBytes(int64(len(said)))
			for b.Loop() {
				f.Filter(said)
			}
		})
	}
}
