package images

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	bkclient "github.com/moby/buildkit/client"
)

// What Podman 4.3.1 said of builds of these texts.
const (
	podmanStages = `ARG BASE=hjk-test/busybox:1
# comment
FROM $BASE AS first
ENV A=b
RUN echo one && \
  echo two
FROM hjk-test/busybox:1 AS unused
RUN echo never
FROM first
COPY --from=first /bin/busybox /bb
RUN echo three; echo STEP 1/2: fake
`
	podmanStagesSaid = `{"stream":"[1/3] STEP 1/3: FROM hjk-test/busybox:1 AS first\n"}
{"stream":"[1/3] STEP 2/3: ENV A=b\n"}
{"stream":"--\u003e Using cache b38a69b3b02213b7467cdd55121bcbf4c4365da07dee9ff776dd4dc1a85e00e1\n"}
{"stream":"--\u003e b38a69b3b02\n"}
{"stream":"[1/3] STEP 3/3: RUN echo one \u0026\u0026   echo two\n"}
{"stream":"--\u003e Using cache 86094478c927a8ef0a6ee5bc66be0175328ea18b61e47e7a6ec2452db1c1c3fc\n"}
{"stream":"--\u003e 86094478c92\n"}
{"stream":"[3/3] STEP 1/4: FROM 86094478c927a8ef0a6ee5bc66be0175328ea18b61e47e7a6ec2452db1c1c3fc\n"}
{"stream":"[3/3] STEP 2/4: COPY --from=first /bin/busybox /bb\n"}
{"stream":"--\u003e ec5da92d4dd\n"}
{"stream":"[3/3] STEP 3/4: RUN echo three; echo STEP 1/2: fake\n"}
{"stream":"three\nSTEP 1/2: fake\n"}
{"stream":"--\u003e 1a45e686b50\n"}
{"stream":"[3/3] STEP 4/4: LABEL \"a\"=\"b\"\n"}
{"stream":"[3/3] COMMIT docker.io/hjk-pc/x:1\n"}
{"stream":"--\u003e 5e677da7000\n"}
{"stream":"Successfully tagged docker.io/hjk-pc/x:1\n"}
{"stream":"5e677da70008244c8fe32c00c0b4d8354d022813ab146ee52db76f5e1515b450\n"}
{"aux":{"ID":"sha256:5e677da70008244c8fe32c00c0b4d8354d022813ab146ee52db76f5e1515b450"}}
{"stream":"Successfully built 5e677da70008\n"}
{"stream":"Successfully tagged hjk-pc/x:1\n"}
`
	podmanFails = `FROM hjk-test/busybox:1 AS a
RUN true
FROM a

# the step below fails
RUN echo first && \
    exit 3
`
	podmanFailsSaid = `{"stream":"[1/2] STEP 1/2: FROM hjk-test/busybox:1 AS a\n"}
{"stream":"[1/2] STEP 2/2: RUN true\n"}
{"stream":"--\u003e 0a0fae632be\n"}
{"stream":"[2/2] STEP 1/3: FROM 0a0fae632be16105973383401950f0aa9a8960961d16f7c59e73245ad46d3ea0\n"}
{"stream":"[2/2] STEP 2/3: RUN echo first \u0026\u0026     exit 3\n"}
{"stream":"first\n"}
{"errorDetail":{"message":"building at STEP \"RUN echo first \u0026\u0026     exit 3\": while running runtime: exit status 3\n"},"error":"building at STEP \"RUN echo first \u0026\u0026     exit 3\": while running runtime: exit status 3\n"}
`
	podmanHeredoc = `FROM hjk-test/busybox:1
RUN <<EOT
echo hi
EOT
`
	podmanHeredocSaid = `{"stream":"STEP 1/5: FROM hjk-test/busybox:1\n"}
{"stream":"STEP 2/5: RUN \u003c\u003cEOT\n"}
{"stream":"--\u003e c7caf1327a1\n"}
{"stream":"STEP 3/5: echo hi\n"}
{"stream":"time=\"2026-11-26T19:08:02Z\" level=error msg=\"+(UNHANDLED LOGLEVEL) \u0026imagebuilder.Step{Env:[]string{\\\"PATH=/bin\\\"}, Command:\\\"echo\\\", Args:[]string{\\\"\\\"}, Flags:[]string{}, Attrs:map[string]bool(nil), Message:\\\"ECHO \\\", Original:\\\"echo hi\\\"}\"\n"}
{"errorDetail":{"message":"building at STEP \"ECHO \": Build error: Unknown instruction: \"ECHO\" \u0026imagebuilder.Step{Env:[]string{\"PATH=/bin\"}, Command:\"echo\", Args:[]string{\"\"}, Flags:[]string{}, Attrs:map[string]bool(nil), Message:\"ECHO \", Original:\"echo hi\"}\n"},"error":"building at STEP \"ECHO \": Build error: Unknown instruction: \"ECHO\" \u0026imagebuilder.Step{Env:[]string{\"PATH=/bin\"}, Command:\"echo\", Args:[]string{\"\"}, Flags:[]string{}, Attrs:map[string]bool(nil), Message:\"ECHO \", Original:\"echo hi\"}\n"}
`
)

// TestPodmanTells: steps, output, cache and failures of Podman's builder are of the instructions that they are of.
func TestPodmanTells(t *testing.T) {
	for name, c := range map[string]struct {
		text, said, steps, logs string
		counts                  BuildResult
		fails                   string
	}{
		"stages": {
			text: podmanStages, said: podmanStagesSaid, logs: "three\nSTEP 1/2: fake\n", counts: BuildResult{Steps: 6, CachedSteps: 2},
			steps: `[2/9] FROM hjk-test/busybox:1 AS first
[3/9] ENV A=b
[4/9] RUN echo one &&   echo two
[7/9] FROM 86094478c927a8ef0a6ee5bc66be0175328ea18b61e47e7a6ec2452db1c1c3fc
[8/9] COPY --from=first /bin/busybox /bb
[9/9] RUN echo three; echo STEP 1/2: fake`,
		},
		"a step fails": {
			text: podmanFails, said: podmanFailsSaid, logs: "first\n", counts: BuildResult{Steps: 4}, fails: "f:6: RUN echo first && exit 3: exit code 3\nfirst",
			steps: `[1/4] FROM hjk-test/busybox:1 AS a
[2/4] RUN true
[3/4] FROM 0a0fae632be16105973383401950f0aa9a8960961d16f7c59e73245ad46d3ea0
[4/4] RUN echo first &&     exit 3`,
		},
		"a here-document": {
			text: podmanHeredoc, said: podmanHeredocSaid, counts: BuildResult{Steps: 2}, fails: "f:2: RUN <<EOT: this engine's builder knows no here-documents",
			steps: "[1/2] FROM hjk-test/busybox:1\n[2/2] RUN <<EOT",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var steps []string
			var logs strings.Builder
			cl := newClassic("f", []byte(c.text), func(s *bkclient.SolveStatus) {
				for _, v := range s.Vertexes {
					if v.Completed == nil {
						steps = append(steps, v.Name)
					}
				}
				for _, l := range s.Logs {
					logs.Write(l.Data)
				}
			})
			err := cl.follow(strings.NewReader(c.said))
			if got := strings.Join(steps, "\n"); got != c.steps {
				t.Errorf("steps:\n%s\nwant:\n%s", got, c.steps)
			}
			if logs.String() != c.logs {
				t.Errorf("output %q, want %q", logs.String(), c.logs)
			}
			if got, want := fmt.Sprint(cl.result()), fmt.Sprint(c.counts); got != want {
				t.Errorf("counts %s, want %s", got, want)
			}
			if c.fails == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var be *BuildError
			if !errors.As(cl.failure(err), &be) || !strings.HasPrefix(be.Error(), c.fails) {
				t.Errorf("failed with %v, want %s", be, c.fails)
			}
		})
	}
}
