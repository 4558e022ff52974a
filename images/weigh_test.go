package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/patternmatcher"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// growing has variables each of which names the one before sixteen times.
func growing(instruction string, levels int) string {
	s := instruction + " A0=" + strings.Repeat("x", 64) + "\n"
	for i := 1; i <= levels; i++ {
		s += fmt.Sprintf("%s A%d=%s\n", instruction, i, strings.Repeat(fmt.Sprintf("${A%d}", i-1), 16))
	}
	return s
}

// TestWeigh has texts that become very large or cost very much. The control shows what the frontend makes of a smaller one.
func TestWeigh(t *testing.T) {
	platform, caps := ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}, pb.Caps.CapSet(pb.Caps.All())
	small := "FROM scratch\n" + growing("ENV", 4)
	res, err := dockerfile2llb.Dockerfile2LLB(t.Context(), []byte(small), dockerfile2llb.ConvertOpt{
		TargetPlatform: &platform, MetaResolver: noRegistry{}, LLBCaps: &caps,
	})
	if err != nil || len(strings.Join(res.Image.Config.Env, "")) < 1000*len(small) {
		t.Fatalf("the control: %d bytes of text stay small: %v", len(small), err)
	}
	long := strings.Repeat("x", 60_000)
	for name, text := range map[string]string{
		"ARG":               growing("ARG", 12) + "FROM scratch\n",
		"ENV":               "FROM scratch\n" + growing("ENV", 12),
		"ARG in one line":   "FROM scratch\nARG " + strings.ReplaceAll(strings.ReplaceAll(growing("", 12), "\n", " "), "  ", " ") + "\n",
		"with replacement":  "FROM scratch\nENV A=" + long[:8000] + "\nENV B=${A//x/$A}\nENV C=${B//x/$B}\n",
		"by default":        "FROM scratch\n" + strings.ReplaceAll(growing("ENV", 12), "${A", "${NONE:-$A"),
		"LABEL":             "FROM scratch\nENV A=" + long + "\nLABEL l=" + strings.Repeat("$A", 1000) + "\n",
		"an environment":    "FROM scratch\nENV A=" + long + "\n" + strings.Repeat("RUN a\n", 4000),
		"a folder":          "FROM scratch\n" + strings.Repeat("WORKDIR "+long[:1000]+"\n", 4000),
		"a shell":           "FROM scratch\nSHELL [\"" + long + "\"]\n" + strings.Repeat("RUN a\n", 4000),
		"many instructions": "FROM scratch\n" + strings.Repeat("RUN a\n", 100_000),
		"many ports":        "FROM scratch\n" + strings.Repeat("EXPOSE 1-65535\n", 1000),
		"a long name":       "FROM scratch\nENV A" + long + "=x\nRUN a\n",
		"a long base":       "FROM " + long[:30_000] + " AS " + long[:30_000] + "\n",
		"many names":        "FROM scratch\n" + manyNames(4000) + "LABEL l=" + strings.Repeat("$unknown_variable", 3000) + "\n",
	} {
		began := time.Now()
		if _, err := convert(t.Context(), []byte(text), BuildOptions{}); !errors.Is(err, errHeavy) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
	if err := weigh([]byte("FROM scratch\nENV B=$A$A\n"), BuildOptions{Args: map[string]string{"A": strings.Repeat("x", maxWeight/2)}}); !errors.Is(err, errHeavy) {
		t.Errorf("by an argument of the settings: %v", err)
	}
	for _, text := range []string{
		"FROM a AS b\nENV PATH=/x:$PATH V=${W:-3}\nARG X=${V//./-}\nRUN echo ${X} $PATH\nEXPOSE 8000-8100\n",
		"FROM scratch\n" + strings.Repeat("RUN a\n", 1000), "not a Dockerfile", "",
	} {
		if err := weigh([]byte(text), BuildOptions{}); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "ENV a_name_of_a_variable_%d=x\n", i)
	}
	return b.String()
}

// TestHeavyBuilds has both builders and what a base image brings along.
func TestHeavyBuilds(t *testing.T) {
	base := builderFor(t, t.TempDir())
	env := base.tagged(t, "FROM hjk-test/busybox:1\nENV V="+strings.Repeat("x", 60_000)+"\n")
	trigger := base.tagged(t, "FROM hjk-test/busybox:1\n"+strings.ReplaceAll(growing("ENV", 12), "ENV", "ONBUILD ENV"))
	for name, c := range map[string]struct {
		text      string
		line      int
		inProcess bool // the classic builder does it in the engine
	}{
		"ARG":                    {"FROM hjk-test/busybox:1\n" + growing("ARG", 12), 0, false},
		"a variable of a base":   {"FROM " + env + "\nENV W=" + strings.Repeat("$V", 1000) + "\n", 1, true},
		"instructions of a base": {"FROM " + trigger + "\n", 0, true},
	} {
		for _, classic := range []bool{false, true} {
			if classic && c.inProcess {
				continue
			}
			t.Run(fmt.Sprintf("%s classic=%v", name, classic), func(t *testing.T) {
				b := builderFor(t, t.TempDir())
				b.classic = classic
				o := BuildOptions{Base: func(context.Context, string) error { return nil }}
				_, err := buildIn(t, b, t.Context(), map[string]string{"Dockerfile": c.text}, o, nil)
				var be *BuildError
				if err == nil || !strings.Contains(err.Error(), errHeavy.Error()) || !errors.As(err, &be) || c.line > 0 && be.StartLine != c.line {
					t.Errorf("%.300v", err)
				}
			})
		}
	}
}

// TestManyPatterns has a .dockerignore that is small as a file. The control is what its patterns take once they are understood.
func TestManyPatterns(t *testing.T) {
	text := strings.Repeat("?a*b\n", 100_000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := patternmatcher.New(strings.Fields(text))
	if err == nil {
		_, err = m.MatchesOrParentMatches("name")
	}
	if err != nil {
		t.Fatal(err)
	}
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc < 200*uint64(len(text)) {
		t.Errorf("the control: they take %d bytes only, so this shows nothing", after.TotalAlloc-before.TotalAlloc)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"Dockerfile": "FROM scratch\nCOPY . /\n", ".dockerignore": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src, _, _ := Discover(dir)
	if _, err := NewInputs(src, BuildOptions{}).Sum(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "lines of at most") {
		t.Error(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var told error
	c := contextFS{root: root, fail: func(err error) { told = err }}
	if _, err := c.Open(ignoreName); err == nil || told == nil {
		t.Errorf("replaced while it is read: %v %v", err, told)
	}
	if _, err := c.Open("Dockerfile"); err != nil {
		t.Error(err)
	}
}
