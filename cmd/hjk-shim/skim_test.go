package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"
)

// shown is what an emulator shows, where its cursor is, and what two more lines look like: those show its colours and modes.
func shown(em *vt.Emulator) string {
	at := em.CursorPosition()
	s := fmt.Sprintf("%s\n%v alternate %v\n", em.Render(), at, em.IsAltScreen())
	_, _ = em.Write([]byte("probe\x1b7\r\nprobe"))
	return s + em.Render()
}

func emulator(t *testing.T, cols, rows int) *vt.Emulator {
	t.Helper()
	em := vt.NewEmulator(cols, rows)
	go func() { _, _ = io.Copy(io.Discard, em) }()
	t.Cleanup(func() { silence(em) })
	return em
}

// flood is random output of a program: mostly lines, with all that may come between.
func flood(r *rand.Rand, size, rows int) []byte {
	colours := []string{"\x1b[m", "\x1b[0m", "\x1b[31m", "\x1b[1;32m", "\x1b[38;5;200m", "\x1b[0;33m"}
	if r.IntN(2) == 0 {
		colours = append(colours, "\x1b[44m", "\x1b[48;5;17m", "\x1b[49m", "\x1b[100m")
	}
	lines := []string{
		"\r\n", "\r\n", "\r\n", "\r\n", "word ", "héllo ", "日本語", "\t", "\b", "\r", "\x1b[K", "\x1b[2K", "\x1b[1K", "\x1b[10G", "\x1b[3C", "\x1b[2D",
		"\x1b[2P", "\x1b[3@", "\x1b[4X", "e\u0301", strings.Repeat("x", 30), "\a",
	}
	rare := []string{
		"\n", "\x1b[3A", "\x1b[H", "\x1b[2J", "\x1b[J", "\x1b[5;5H", fmt.Sprintf("\x1b[2;%dr", rows), "\x1b[r", fmt.Sprintf("\x1b[1;%dr", rows), "\x1b[1;2r", "\x1b7", "\x1b8", "\x1b[s", "\x1b[u", "\x1b[?7l",
		"\x1b[?7h", "\x1b[?1049h", "\x1b[?1049l", "\x1b[?1047h", "\x1b[?1047l", "\x1b[?6h", "\x1b[?6l", "\x1b[2L", "\x1b[2M", "\x1bD", "\x1bM", "\x1bE",
		"\x1bc", "\x1b]2;title\a", "\x1b]8;;http://x\x1b\\", "\x1b]8;;\x1b\\", "\x1b(0", "\x1b(B", "\x0e", "\x0f", "\x1b[4h", "\x1b[4l", "\x1b[20h", "\x1b[20l",
		"\x1b[2S", "\x1b[2T", "\x1b[!p", "\v", "\f", "\x00", "\x1b", "\x1b[", "\xc3", "\x9b31m", "\x84", "\x1b[>4m", "\x1b[?69h\x1b[2;4s", strings.Repeat("y", 5000),
	}
	often := 1 + r.IntN(400)
	var b bytes.Buffer
	for b.Len() < size {
		switch n := r.IntN(often); {
		case n == 0:
			b.WriteString(rare[r.IntN(len(rare))])
		case n%5 == 1:
			b.WriteString(colours[r.IntN(len(colours))])
		default:
			b.WriteString(lines[r.IntN(len(lines))])
		}
	}
	return b.Bytes()
}

func tail(b []byte) []byte { return b[max(0, len(b)-1000):] }

// TestSkimmedOutputShowsTheSame gives random output to an emulator whole, and to another what the skimmer left of it. One that
// only leaves the last lines shows something else.
func TestSkimmedOutputShowsTheSame(t *testing.T) {
	total, kept, fooled := 0, 0, 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		cols, rows := 5+r.IntN(60), 3+r.IntN(12)
		whole, skimmed, naive, k := emulator(t, cols, rows), emulator(t, cols, rows), emulator(t, cols, rows), newSkimmer()
		out := flood(r, 1+r.IntN(20000), rows)
		for rest := out; len(rest) > 0; {
			part := rest[:min(len(rest), 1+r.IntN(9000))]
			rest = rest[len(part):]
			_, _ = whole.Write(part)
			s := k.skim(bytes.Clone(part), cols, rows)
			_, _ = skimmed.Write(s)
			_, _ = naive.Write(part[max(0, len(part)-2*cols*rows):])
			total, kept = total+len(part), kept+len(s)
			if a, b := whole.Render(), skimmed.Render(); a != b {
				t.Fatalf("seed %d, %dx%d: the screen is\n%q\nwithout skimming\n%q\nafter …%q\nskimmed …%q", seed, cols, rows, b, a, tail(part), tail(s))
			}
		}
		if naive.Render() != whole.Render() {
			fooled++
		}
		if a, b := shown(whole), shown(skimmed); a != b {
			t.Fatalf("seed %d: the screen is\n%q\nwithout skimming\n%q", seed, b, a)
		}
	}
	if kept > total*3/4 || fooled < 10 {
		t.Errorf("of %d bytes %d were kept; the last bytes alone showed something else %d times of 60", total, kept, fooled)
	}
}

// TestFloodIsSkimmed: of what a loud program prints the emulator gets what fits on some screens.
func TestFloodIsSkimmed(t *testing.T) {
	for name, line := range map[string]string{
		"lines": "the quick brown fox\r\n", "colours": "\x1b[32mok\x1b[0m \x1b[1;31mfox\x1b[m\x1b[K\r\n", "backgrounds": "\x1b[44mblue\x1b[m\r\n",
		"words": "héllo wörld 日本語\r\n", "bytes": "y\r\n", "no lines": "0123456789",
	} {
		k, b := newSkimmer(), bytes.Repeat([]byte(line), maxUnseen/len(line))
		kept := 0
		for range 4 {
			kept += len(k.skim(bytes.Clone(b), 120, 40))
		}
		if kept > 4*len(b)/30 {
			t.Errorf("%s: of %d bytes %d were kept", name, 4*len(b), kept)
		}
	}
}
