package images

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// One base from outside only: with two, BuildKit v0.34.2 sets a field without a lock (builder/resolvecache.go).
const factsFile = `FROM hjk-test/busybox:1 AS tools
RUN echo made-%[1]s > /tool
FROM tools AS side
RUN echo side-%[1]s > /side
FROM tools AS base
ENV A=1
RUN head -c 200000 /dev/zero > /big

FROM base
COPY --from=side /side /side
RUN echo one-%[1]s && \
    sleep 0.2
CMD ["x"]
`

func TestFacts(t *testing.T) {
	b := builderFor(t, t.TempDir())
	files := map[string]string{"Dockerfile": strings.ReplaceAll(factsFile, "%[1]s", rand.Text())}
	for _, cached := range []bool{false, true} {
		res, err := buildIn(t, b, t.Context(), files, BuildOptions{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		steps := map[int]Step{}
		for _, s := range res.Facts {
			steps[s.Line] = s
		}
		run := steps[11]
		if run.EndLine != 12 || run.Cached != cached || (run.Time > 200e6) == cached || run.Size == nil || *run.Size > 16<<10 { // containerd's store counts a layer of nothing, too
			t.Errorf("RUN: %+v", run)
		}
		if !cached && !strings.HasPrefix(run.Tail, "one-") {
			t.Errorf("output %q", run.Tail)
		}
		if big := steps[7]; big.Size == nil || *big.Size < 200000 {
			t.Errorf("a layer of an earlier stage: %+v", big)
		}
		if from := steps[9]; from.Line != 0 && (from.Size == nil || *from.Size != res.Image.Size) {
			t.Errorf("FROM: %+v of an image of %d", from, res.Image.Size)
		}
		if made := steps[2]; made.Line != 2 || made.Size == nil {
			t.Errorf("the first stage: %+v", made)
		}
		if beside := steps[4]; beside.Line != 4 || beside.Size != nil {
			t.Errorf("a stage that is not in the image: %+v", beside)
		}
	}
}

// TestFailuresAtOnce has two stages that fail together: place, exit code and output are of the same one.
func TestFailuresAtOnce(t *testing.T) {
	b := builderFor(t, t.TempDir())
	for range 5 {
		_, err := buildIn(t, b, t.Context(), map[string]string{"Dockerfile": strings.ReplaceAll(
			"FROM hjk-test/busybox:1 AS base\nFROM base AS a\nRUN echo three-%s; exit 3\nFROM base AS b\nRUN echo five-%s; exit 5\nFROM scratch\nCOPY --from=a / /a\nCOPY --from=b / /b\n",
			"%s", rand.Text())}, BuildOptions{}, nil)
		var be *BuildError
		if !errors.As(err, &be) {
			t.Fatal(err)
		}
		want := map[int]string{3: "3 three", 5: "5 five"}[be.ExitCode]
		if got := fmt.Sprint(be.StartLine, " ", strings.Split(be.LogTail, "-")[0]); got != want {
			t.Fatalf("exit code %d, and %s", be.ExitCode, got)
		}
	}
}

func TestRelatedPlaces(t *testing.T) {
	b := builderFor(t, t.TempDir())
	for name, c := range map[string]struct {
		files   map[string]string
		file    string
		line    int
		message string
	}{
		"missing file":   {map[string]string{"Dockerfile": "FROM hjk-test/busybox:1\nCOPY src/mian.go /\n", "src/main.go": ""}, "src", 0, "there is main.go"},
		"missing folder": {map[string]string{"Dockerfile": "FROM hjk-test/busybox:1\nCOPY no/x /\n"}, ".", 0, "no/x is not in the build context"},
		"ignored":        {map[string]string{"Dockerfile": "FROM hjk-test/busybox:1\nCOPY x /\n", "x": "", ".dockerignore": "# no\n\nx\n"}, ".dockerignore", 3, "x is there, but"},
		"pattern":        {map[string]string{"Dockerfile": "FROM hjk-test/busybox:1\nCOPY src/*.go /go/\n", "src/main.c": ""}, "src", 0, "matches src/*.go"},
		"ignored match":  {map[string]string{"Dockerfile": "FROM hjk-test/busybox:1\nCOPY src/*.go /go/\n", "src/a.go": "", ".dockerignore": "**/*.go\n"}, ".dockerignore", 1, "src/a.go is there, but"},
		"unknown stage":  {map[string]string{"Dockerfile": "FROM scratch AS build\nFROM scratch\nCOPY --from=127.0.0.1:1/biuld:1 /x /\n"}, "Dockerfile", 1, `did you mean this stage, "build"?`},
		"stage without":  {map[string]string{"Dockerfile": "FROM hjk-test/busybox:1 AS build\nRUN true\nFROM scratch\nCOPY --from=build /nothing /\n"}, "Dockerfile", 1, "looked for in this stage"},
		"base":           {map[string]string{"Dockerfile": "FROM 127.0.0.1:1/none:1\n"}, "Dockerfile", 1, "base image 127.0.0.1:1/none:1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := buildIn(t, b, t.Context(), c.files, BuildOptions{}, nil)
			var be *BuildError
			if !errors.As(err, &be) {
				t.Fatal(err)
			}
			got := fmt.Sprintf("%+v", be.Related)
			if len(be.Related) != 1 {
				t.Fatalf("%v: %s", err, got)
			}
			r := be.Related[0]
			if want := filepath.Join(filepath.Dir(be.Dockerfile), c.file); r.File != want || r.StartLine != c.line || !strings.Contains(r.Message, c.message) {
				t.Fatalf("%v: %s", err, got)
			}
		})
	}
}
